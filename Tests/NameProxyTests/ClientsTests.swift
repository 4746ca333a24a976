import Glibc
@testable import NameProxy
import Synchronization
import Testing

/// A container's network, with a resolv.conf of its own that names one server: the proxy, where the kernel's steering would
/// lead to it. Nothing else is reachable.
private final class Place: Sendable {
  let bench: Bench
  private let container: Container
  private let folder: Folder

  init(_ conf: String = "nameserver 127.0.0.1\n") async throws {
    let container = try Container()
    let server = try container {
      try Impostor { question in
        // An address for each name that has a w in front, none for the rest; no IPv6.
        let type = question[12...].firstIndex(of: 0).map { question[$0 + 2] }
        guard type == 1 else {
          var empty = Array(question[..<2]) + [0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]
          let end = (question[12...].firstIndex(of: 0) ?? 12) + 5
          empty += question[12..<end]
          return empty
        }
        return Impostor.address(question, [192, 0, 2, 10])
      }
    }
    bench = try await Bench(server.port, network: container.network, wanted: 53)
    bench.kernel.state.withLock { ($0.unmarked, $0.connectionAgent) = (7, 7) }
    await bench.agent(7, TestRules("www.lab.example"))
    folder = try Folder()
    try folder.write("resolv.conf", conf)
    try folder.write("nsswitch.conf", "hosts: files dns\n")
    try folder.write("hosts", "127.0.0.1 localhost\n")
    (self.container, self.server) = (container, server)
  }

  private let server: Impostor

  /// What a command says that runs there.
  func run(_ command: String) throws -> String {
    let script = """
      for name in resolv.conf nsswitch.conf hosts; do mount --bind \(folder.path)/$name /etc/$name; done
      export PATH=/usr/bin:/bin:/usr/sbin:$PATH HOME=\(folder.path)
      \(command)
      """
    return try output(
      of: "nsenter", "--net=\(container.network.path)", "timeout", "20", "unshare", "-m", "sh",
      "-c", script)
  }

  /// A C program, linked with musl.
  func musl(_ source: String) throws -> String {
    try folder.write("client.c", source)
    let said = try output(
      of: "musl-gcc", "-static", "-o", "\(folder.path)/client", "\(folder.path)/client.c")
    guard said.isEmpty else { throw Failed(what: said) }
    return "\(folder.path)/client"
  }

  /// A Go program with Go's own resolver.
  func go(_ source: String) throws -> String {
    try folder.write("client.go", source)
    return "GOCACHE=\(folder.path)/cache GODEBUG=netdns=go go run \(folder.path)/client.go"
  }
}

@Suite(.enabled(if: isRoot)) struct ClientsTests {
  static let searching = """
    search default.svc.cluster.local svc.cluster.local cluster.local
    nameserver 127.0.0.1
    options ndots:5

    """
  static let client = """
    #include <arpa/inet.h>
    #include <netdb.h>
    #include <stdio.h>
    int main(int count, char **words) {
      struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
      int code = getaddrinfo(words[1], "443", &hints, &list);
      if (code) return printf("%s\\n", gai_strerror(code)), 1;
      for (; list; list = list->ai_next) {
        char text[64];
        getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
        puts(text);
      }
    }

    """

  @Test(arguments: ["nameserver 127.0.0.1\n", searching])
  func glibcPythonAndCurlResolveUnchanged(_ conf: String) async throws {
    let place = try await Place(conf)
    let start = ContinuousClock.now
    #expect(try place.run("getent hosts www.lab.example").contains("192.0.2.10"))
    #expect(try place.run("getent hosts denied.lab.example; echo $?").contains("2"))
    let python =
      "/usr/bin/python3 -c 'import socket, sys; print(socket.getaddrinfo(sys.argv[1], 443))'"
    #expect(try place.run("\(python) www.lab.example").contains("'192.0.2.10', 443"))
    #expect(try place.run("\(python) denied.lab.example").contains("Name or service not known"))
    // There is no way to the address; the name was found.
    #expect(try place.run("curl -sSv -m 2 https://www.lab.example").contains("192.0.2.10:443"))
    #expect(
      try place.run("curl -sS -m 2 https://denied.lab.example").contains("Could not resolve host"))
    #expect(ContinuousClock.now - start < .seconds(15))
  }

  @Test(arguments: ["nameserver 127.0.0.1\n", searching])
  func muslResolvesUnchangedAndADeniedNameCostsNoTime(_ conf: String) async throws {
    let place = try await Place(conf)
    let client = try place.musl(Self.client)
    let start = ContinuousClock.now
    #expect(try place.run("\(client) www.lab.example") == "192.0.2.10\n")
    #expect(try place.run("\(client) denied.lab.example").contains("Name does not resolve"))
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test func digAsksByUDPTCPAndIPv6() async throws {
    let place = try await Place()
    for options in ["", "+tcp", "@::1", "@::1 +tcp", "+noedns"] {
      #expect(
        try place.run("dig +short \(options) www.lab.example") == "192.0.2.10\n", "\(options)")
    }
    let denied = try place.run("dig denied.lab.example")
    #expect(denied.contains("NXDOMAIN") && denied.contains("EDE: 15 (Blocked)"))
    #expect(try place.run("dig +short -x 192.0.2.10") == "www.lab.example.\n")
  }

  @Test(arguments: ["nameserver 127.0.0.1\n", searching])
  func nodeResolvesByBothOfItsWays(_ conf: String) async throws {
    let place = try await Place(conf)
    let script = """
      const dns = require('dns');
      const say = (what) => (error, found) => console.log(what, error ? error.code : JSON.stringify(found));
      dns.lookup('www.lab.example', say('lookup'));
      dns.resolve4('www.lab.example', say('resolve4'));
      dns.lookup('denied.lab.example', say('denied'));
      dns.resolve4('denied.lab.example', say('none'));
      """
    let said = try place.run("node -e \"\(script)\"")
    #expect(said.contains("lookup \"192.0.2.10\"") && said.contains("resolve4 [\"192.0.2.10\"]"))
    #expect(said.contains("denied ENOTFOUND") && said.contains("none ENOTFOUND"))
  }

  @Test(.enabled(if: access("/usr/bin/go", X_OK) == 0))
  func gosOwnResolverResolvesUnchanged() async throws {
    let place = try await Place(Self.searching)
    let run = try place.go(
      """
      package main
      import ("fmt"; "net"; "os")
      func main() { fmt.Println(net.LookupHost(os.Args[1])) }

      """)
    #expect(try place.run("\(run) www.lab.example").contains("[192.0.2.10] <nil>"))
    #expect(try place.run("\(run) denied.lab.example").contains("no such host"))
  }

  @Test(.enabled(if: access("/usr/bin/java", X_OK) == 0))
  func javaResolvesUnchanged() async throws {
    let place = try await Place()
    let source = """
      import java.net.InetAddress;
      public class Client {
        public static void main(String[] words) throws Exception {
          System.out.println(InetAddress.getByName(words[0]));
        }
      }

      """
    let run = "cd $HOME; cat >Client.java <<'E'\n\(source)\nE\njava Client.java"
    #expect(try place.run("\(run) www.lab.example").contains("www.lab.example/192.0.2.10"))
    #expect(try place.run("\(run) denied.lab.example").contains("UnknownHostException"))
  }
}
