import AddressSets
import Glibc
import NameProxy
import Testing

@Suite(.enabled(if: isRoot)) struct TLSTests {
  /// nsd with DNS over TLS, and a certificate for `dns.lab.example` that nobody else trusts.
  final class Server: Sendable {
    let port: UInt16
    let certificate: String
    private let folder: Folder
    private let child: Child

    init() throws {
      folder = try Folder()
      port = try freePort()
      certificate = "\(folder.path)/certificate"
      let said = try output(
        of: "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout", "\(folder.path)/key", "-out", certificate, "-days", "2", "-subj",
        "/CN=dns.lab.example",
        "-addext", "subjectAltName=DNS:dns.lab.example")
      try require(access(certificate, R_OK) == 0, "make a certificate (\(said))")
      try folder.write("zone", Authority.zone)
      try folder.write(
        "conf",
        """
        server:
          ip-address: 127.0.0.1@\(port)
          tls-port: \(port)
          tls-service-key: "\(folder.path)/key"
          tls-service-pem: "\(certificate)"
          username: ""
          zonesdir: "\(folder.path)"
          pidfile: "\(folder.path)/pid"
          xfrdfile: "\(folder.path)/xfrd"
          zonelistfile: "\(folder.path)/list"
          xfrdir: "\(folder.path)"
          database: ""
          logfile: "\(folder.path)/log"
        remote-control:
          control-enable: no
        zone:
          name: "."
          zonefile: "zone"

        """)
      child = try Child(["nsd", "-d", "-c", "\(folder.path)/conf"])
      for _ in 0..<200 {
        if (try? Client(port: port, mark: 0, isStream: true)) != nil { return }
        usleep(30_000)
      }
      throw Failed(what: "nsd does not listen")
    }

    func at(_ name: String) -> TLSTunnel.Server {
      TLSTunnel.Server(address: IPAddress(v4: 0x7f00_0001), port: port, name: name)
    }
  }

  func configuration(_ tunnel: TLSTunnel) -> UpstreamConfiguration {
    UpstreamConfiguration(servers: [tunnel.upstream], usesTCP: true)
  }

  @Test func serversAreAskedByTLSAndHaveToBeWhoTheyAre() async throws {
    let server = try Server()
    let bench = try await Bench(freePort())
    await bench.agent(7, TestRules("www.lab.example", "many.lab.example", "only4.lab.example"))
    let right = try await TLSTunnel.open(
      to: server.at("dns.lab.example"), authorities: server.certificate)
    try await bench.proxy.follow(configuration(right), in: bench.sockets)
    #expect(try bench.client(7).ask("www.lab.example").texts == ["192.0.2.10"])
    #expect(try bench.client(7, isStream: true).ask("many.lab.example").answers.count == 410)
    // Another name, and a certificate of nobody whom this machine trusts.
    let wrong = [
      try await TLSTunnel.open(to: server.at("other.lab.example"), authorities: server.certificate),
      try await TLSTunnel.open(to: server.at("dns.lab.example")),
    ]
    for tunnel in wrong {
      try await bench.proxy.follow(configuration(tunnel), in: bench.sockets)
      #expect(try bench.client(7).ask("only4.lab.example").code == 2)
    }
    withExtendedLifetime(right) {}
  }
}
