import Foundation
import Glibc
import TelosCore
import Testing

@testable import Coordinator

/// A database that is reached by TLS.
@Suite(.serialized) struct PostgreSQLTLSTests {
  private static let password = "an-apple-a-day"

  @Test func aServerIsKnownByItsAuthorityAndItsName() async throws {
    let server = try await Server.make()
    let (store, _) = try await Store.open(try server.address(""), createIfMissing: true)
    let row = try await store.read {
      try $0.connection.row("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    }
    #expect(try row?.flag("ssl") == true)
    try store.close()
    for (words, message, hint) in [
      ("sslrootcert=\(server.folder)/other.pem", "certificate verify failed", "sslrootcert"),
      ("host=db.other.test", "does not match host name", "write as host a name"),
      ("sslrootcert=\(server.folder)/none.pem", "does not exist", "sslrootcert=FILE"),
      ("user=certified", "valid client certificate", "sslcert=FILE"),
    ] {
      let error = await #expect(throws: TelosError.self, "\(words)") {
        try await Store.open(try server.address(words), createIfMissing: false)
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains(message) == true, "\(String(describing: error))")
      #expect(error?.hint?.contains(hint) == true, "\(String(describing: error))")
    }
    let certificate = "sslcert=\(server.folder)/client.pem sslkey=\(server.folder)/client.key"
    let (certified, opening) = try await Store.open(
      try server.address("user=certified \(certificate)"), createIfMissing: false)
    #expect(opening == .opened)
    try certified.close()
    // A server that has no TLS is not talked to.
    let session = try PostgreSQLConnection(try server.local("telos"))
    try session.command("ALTER SYSTEM SET ssl = off")
    try session.command("SELECT pg_reload_conf()")
    #expect(
      try await eventually {
        do {
          try await Store.open(try server.address(""), createIfMissing: false).0.close()
          return false
        } catch let error as TelosError {
          return error.message.contains("does not support SSL")
            && error.hint?.contains("ssl=on") == true
        }
      })
  }

  @Test func noPasswordIsEverShown() async throws {
    let server = try await Server.make()
    let file = "\(server.folder)/password"
    func write(_ text: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      chmod(file, 0o600)
    }
    func yaml(_ words: String, _ connection: String? = nil) throws -> String {
      let configuration = "\(server.folder)/coordinator.yaml"
      let connection = connection ?? server.connection("user=secretive \(words)")
      try Data(
        """
        data: \(server.folder)/data
        store:
          postgresql: "\(connection)"
          passwordFile: \(file)
        """.utf8
      ).write(to: URL(fileURLWithPath: configuration))
      return configuration
    }
    try write("\(Self.password)\n")
    let address = try PostgreSQLAddress(
      server.connection("user=secretive"), passwordFile: file)
    let (store, _) = try await Store.open(address, createIfMissing: true)
    try store.close()

    let program = try #require(Self.program, "telos-coordinator is not beside the tests")
    func output(_ configuration: String) throws -> String {
      try PostgreSQLCluster.run(
        "\"$1\" store backup --config \"$2\" \"$3\" 2>&1 || echo \"ended with $?\"", program,
        configuration, "\(server.folder)/backup")
    }
    #expect(try !output(try yaml("")).contains("ended with"))
    try FileManager.default.removeItem(atPath: "\(server.folder)/backup")
    let uri = "postgresql://secretive"
    for (words, connection, password) in [
      ("", nil, "a-wrong-password"),
      ("host=db.other.test", nil, Self.password),
      ("sslrootcert=\(server.folder)/other.pem", nil, Self.password),
      ("port=1", nil, Self.password),
      ("password=\(Self.password)", nil, Self.password),
      ("password = \(Self.password) more", nil, Self.password),
      ("sslpassword=\(Self.password)", nil, Self.password),
      ("", "\(uri):\(Self.password)@db/telos", Self.password),
      ("", "\(uri):\(Self.password)/more@db/telos", Self.password),
      ("", "\(uri):\(Self.password)@[db/telos", Self.password),
      ("", "\(uri):12/\(Self.password)@db/telos", Self.password),
      ("", "\(uri):%\(Self.password)@db/telos", Self.password),
    ] as [(String, String?, String)] {
      try write(password)
      let said = try output(try yaml(words, connection))
      #expect(said.contains("ended with"), "\(words) \(connection ?? "")")
      #expect(!said.contains(password), "\(said)")
    }
  }

  @Test func anotherMachineIsNotTalkedToInPlainTextUnlessThatIsWritten() throws {
    func mode(_ connection: String, plaintext: Bool = false) throws -> String? {
      try PostgreSQLAddress(connection, allowPlaintext: plaintext).settings
        .first { $0.0 == "sslmode" }?.1
    }
    for remote in [
      "host=db.example.org", "host=192.0.2.1", "service=telos", "host=/run,db.example.org",
      "host=127.0.0.1.example.org", "host=localhost hostaddr=192.0.2.1",
      "postgresql://telos@[2001:db8::1]/telos",
    ] {
      #expect(try mode(remote) == "verify-full", "\(remote)")
      let glue = remote.contains("://") ? "?" : " "
      for wrong in ["disable", "allow", "prefer"] {
        let text = "\(remote)\(glue)sslmode=\(wrong)"
        let error = #expect(throws: TelosError.self, "\(text)") { try mode(text) }
        #expect(error?.hint?.contains("allowPlaintext") == true)
        #expect(throws: Never.self) { try mode(text, plaintext: true) }
      }
    }
    for local in [
      "host=/run/postgresql", "host=localhost", "host=127.0.0.1,127.0.0.2", "host=::1",
      "host=db.example.org hostaddr=127.0.0.1",
    ] {
      #expect(try mode(local) == nil, "\(local)")
      #expect(throws: Never.self) { try mode("\(local) sslmode=disable") }
    }
    func store(_ more: String) throws -> Configuration.Store {
      try Configuration(
        yaml: "store:\n  postgresql: host=db.example.org sslmode=disable\n\(more)", file: "c.yaml"
      ).store
    }
    for wrong in ["", "  allowPlaintext: false", "  allowPlaintext: yes please"] {
      let error = #expect(throws: TelosError.self) { try store(wrong) }
      #expect(error?.message.hasPrefix("c.yaml line 1: ") == true)
      #expect(error?.description.contains("allowPlaintext") == true)
    }
    #expect(throws: Never.self) { try store("  allowPlaintext: true") }
  }

  /// Beside the test runner; nil when it was not built.
  private static var program: String? {
    guard let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    else { return nil }
    let path = runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    return access("\(path)/telos-coordinator", X_OK) == 0 ? "\(path)/telos-coordinator" : nil
  }

  /// A server on loopback whose certificate is for db.telos.test.
  private struct Server {
    let cluster: PostgreSQLCluster
    let scratch: Scratch
    let port: UInt16
    var folder: String { scratch.path }

    /// Words that come later count, but for those that this has itself.
    func connection(_ words: String) -> String {
      var values = [
        "host": "db.telos.test", "hostaddr": "127.0.0.1", "port": "\(port)", "dbname": "telos",
        "user": "telos", "sslmode": "verify-full", "sslrootcert": "\(folder)/ca.pem",
      ]
      var rest: [String] = []
      for word in words.split(separator: " ") {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        if parts.count == 2, values[parts[0]] != nil {
          values[parts[0]] = parts[1]
        } else {
          rest.append(String(word))
        }
      }
      return (values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + rest)
        .joined(separator: " ")
    }

    func address(_ words: String) throws -> PostgreSQLAddress {
      try PostgreSQLAddress(connection(words))
    }

    /// By the socket, for whoever administers the server.
    func local(_ database: String) throws -> PostgreSQLAddress {
      try PostgreSQLAddress(
        "host=\(cluster.sockets("tls")) port=\(port) user=telos dbname=\(database)")
    }

    static func make() async throws -> Server {
      try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try start() }) }
      }
    }

    private static func start() throws -> Server {
      let server = Server(
        cluster: try PostgreSQLCluster(), scratch: try Scratch(), port: try freePort())
      try PostgreSQLCluster.run(
        """
        cd "$1"
        new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        for name in ca other; do
          openssl req -x509 $new -keyout $name.key -out $name.pem -subj "/CN=$name"
        done
        by="-CA ca.pem -CAkey ca.key"
        openssl req -x509 $by $new -keyout server.key -out server.pem -subj /CN=server \\
          -addext subjectAltName=DNS:db.telos.test
        openssl req -x509 $by $new -keyout client.key -out client.pem -subj /CN=certified
        chmod 600 *.key
        cp server.key server.pem ca.pem "$2"
        [ "$(id -u)" -ne 0 ] || chown postgres: "$2"/server.key "$2"/*.pem
        """, server.folder, server.cluster.folder)
      try server.cluster.make("tls")
      try server.cluster.own(
        """
        cat >tls/pg_hba.conf <<END
        local all all trust
        hostssl all certified 127.0.0.1/32 cert
        hostssl all secretive 127.0.0.1/32 scram-sha-256
        hostssl all telos 127.0.0.1/32 trust
        END
        """)
      let files =
        "-c ssl_cert_file=\(server.cluster.folder)/server.pem "
        + "-c ssl_key_file=\(server.cluster.folder)/server.key "
        + "-c ssl_ca_file=\(server.cluster.folder)/ca.pem"
      try server.cluster.own("echo 'ssl = on' >>tls/postgresql.conf")
      try server.cluster.start(
        "tls", "-c listen_addresses=127.0.0.1 -c port=\(server.port) \(files)")
      let session = try PostgreSQLConnection(try server.local("postgres"))
      try session.command("CREATE DATABASE telos")
      try session.command("CREATE ROLE certified LOGIN SUPERUSER")
      try session.command("CREATE ROLE secretive LOGIN SUPERUSER PASSWORD '\(password)'")
      return server
    }

    private static func freePort() throws -> UInt16 {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
        }
      }
      #expect(result == 0)
      return UInt16(bigEndian: address.sin_port)
    }
  }
}
