import Glibc
import TelosCore
import Testing

@testable import telos

/// The command line against a real coordinator on loopback, and against servers that are none.
@Suite(
  "a coordinator that is away", .enabled(if: Binary.beside("telos-coordinator") != nil), .serialized
)
struct CoordinatorAwayTests {
  @Test func followingAndWatchingGoOnWhenTheCoordinatorComesBack() throws {
    let folder = try TemporaryFolder()
    let data = "\(folder.path)/data"
    let program = try #require(Binary.beside("telos-coordinator"))
    let telos = try #require(Binary.path)
    let made = try Binary.run(
      ["init", "--data", data, "--name", "127.0.0.1"], program: program)
    #expect(made.status == 0, "\(made.errors)")
    let port = try Self.freePort()
    func start() throws -> Running {
      let coordinator = try Running(
        [
          "run", "--data", data, "--sync", "127.0.0.1:0", "--enrolment", "127.0.0.1:0", "--api",
          "127.0.0.1:\(port)", "--operations", "127.0.0.1:0",
        ], program: program)
      #expect(
        eventually { coordinator.errors.text.contains("ready") }, "\(coordinator.errors.text)")
      return coordinator
    }
    var coordinator = try start()
    let here = ["TELOS_CONFIG": "\(folder.path)/config"]
    let clock = ContinuousClock.now
    let login = try Binary.run(
      [
        "login", "--coordinator", "https://127.0.0.1:\(port)", "--ca", "\(data)/online.json",
        "--token-file", "\(data)/admin.token",
      ], environment: here)
    #expect(login.status == 0, "\(login.errors)")
    let patience = (ContinuousClock.now - clock) * 5
    let followers = [
      try Running(["events", "--follow"], environment: here, program: telos),
      try Running(["incident", "watch"], environment: here, program: telos),
    ]
    // Until both have had an answer, by what a question took just now.
    usleep(1_500_000 + UInt32(patience / .microseconds(1)))
    coordinator.kill()
    for follower in followers {
      #expect(eventually { follower.errors.text.contains("trying again until it answers") })
    }
    coordinator = try start()
    for follower in followers {
      #expect(eventually { follower.errors.text.contains("answers again") || !follower.isAlive })
      #expect(follower.isAlive, "\(follower.errors.text)")
      #expect(follower.output.text.isEmpty)
    }
    // What another answer would be is no reason to wait.
    try DurableFile.write(
      Array("another-token\n".utf8), to: "\(folder.path)/config/token", mode: 0o600)
    let refused = try Binary.run(["events", "--follow"], environment: here)
    #expect(refused.status == 77, "\(refused.errors)")
  }

  @Test func aFirstQuestionThatNobodyAnswersIsAnError() throws {
    let authority = try TemporaryFile(TestCertificates.authority)
    let outcome = try Self.ask(
      ["events", "--follow"], at: "https://127.0.0.1:1", authority: authority.path)
    #expect(outcome.status == 69, "\(outcome.errors)")
  }

  @Test(
    .enabled(if: Binary.python),
    arguments: [
      (TestCertificates.expired, true, "expired at 2020-02-01T00:00:00Z"),
      (TestCertificates.early, true, "is not valid before 2120-01-01T00:00:00Z"),
      (TestCertificates.expired, false, "is not from the authority in the configuration"),
    ])
  func aCertificateOutOfItsTimeIsNotCalledForeign(leaf: String, isOurs: Bool, words: String)
    throws
  {
    let chain = try TemporaryFile("\(leaf)\n\(TestCertificates.authority)\n")
    let key = try TemporaryFile(TestCertificates.key)
    let server = try Running(
      ["-u", "-c", Self.server, chain.path, key.path], program: "/usr/bin/python3")
    #expect(eventually { server.output.text.hasSuffix("\n") }, "\(server.errors.text)")
    let port = server.output.text.trimmingPrefix("port ").filter(\.isNumber)
    let authority = try TemporaryFile(isOurs ? TestCertificates.authority : BinaryTests.authority)
    let outcome = try Self.ask(
      ["node", "list"], at: "https://127.0.0.1:\(port)", authority: authority.path)
    #expect(outcome.status == 77, "\(outcome.errors)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
    #expect(outcome.errors.contains("this machine's clock says") == isOurs, "\(outcome.errors)")
  }

  /// Speaks TLS, and nothing after that.
  static let server = """
    import socket, ssl, sys
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("port", listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                pass
    """

  static func ask(_ words: [String], at coordinator: String, authority: String) throws
    -> Binary.Outcome
  {
    let folder = try TemporaryFolder()
    let token = try TemporaryFile("t0ken\n")
    let here = ["TELOS_CONFIG": "\(folder.path)/config"]
    let login = try Binary.run(
      [
        "login", "--coordinator", coordinator, "--ca", authority, "--token-file", token.path,
        "--offline",
      ], environment: here)
    #expect(login.status == 0, "\(login.errors)")
    return try Binary.run(words, environment: here)
  }

  static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    try #require(bound)
    return UInt16(bigEndian: address.sin_port)
  }
}
