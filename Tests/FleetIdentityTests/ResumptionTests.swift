import FleetWire
import FoundationEssentials
import GRPCCore
import Glibc
import Synchronization
import TelosCore
import Testing
import X509

@testable import FleetCA
@testable import FleetIdentity

/// TLS hands out tickets with which a client comes back without showing its certificate again. OpenSSL's client plays that
/// node, because the gRPC client keeps no tickets.
@Suite(.timeLimit(.minutes(3)), .enabled(if: OpenSSL.isThere, "needs the openssl command"))
struct ResumptionTests {
  @Test func aBannedNodeWithASavedTicketGetsNoCall() async throws {
    let authority = try CertificateAuthority()
    let desk = Desk(authorities: [authority.certificate])
    let openSSL = try OpenSSL(authority.credential())
    defer { openSSL.remove() }
    try await withCoordinator(authority, desk) { port in
      // A call, so that the ticket has surely come; it is refused for its content, not for its caller.
      let first = try await openSSL.call(port, "-sess_out")
      #expect(first.contains("New, TLSv1.3"))
      #expect(desk.reasons == [])
      #expect(desk.handshakes.withLock { $0 } == 1)

      desk.ban("a")
      let second = try await openSSL.call(port, "-sess_in")
      // Resumed: nobody asked for the certificate. And yet the call was refused.
      #expect(second.contains("Reused, TLSv1.3"))
      #expect(desk.handshakes.withLock { $0 } == 1)
      // On a busy machine the end of the first connection is noticed here, and it has no certificate any more.
      for _ in 0..<600 where desk.reasons.allSatisfy({ $0 == .noCertificate }) {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(desk.reasons.filter { $0 != .noCertificate } == [.banned])
    }
  }
}

struct OpenSSL: Sendable {
  static let path = "/usr/bin/openssl"
  static var isThere: Bool { FileManager.default.isExecutableFile(atPath: path) }

  private let folder: String

  init(_ credential: Credential) throws {
    folder = "/tmp/telos-identity-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try credential.write(to: "\(folder)/node.pem")
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Connects, makes one call of `Renew` and returns what OpenSSL said of the session.
  func call(_ port: Int, _ session: String) async throws -> String {
    try DurableFile.write(Self.request, to: "\(folder)/request")
    // In the background, because this thread may be one that serves the call.
    let command = """
      (cat request; sleep 12) | timeout 60 \(Self.path) s_client -connect 127.0.0.1:\(port) -cert node.pem \
      -key node.pem -alpn h2 -tls1_3 \(session) session > output 2>&1; echo done >> output
      """
    #expect(system("cd \(folder) && (\(command)) < /dev/null > /dev/null 2>&1 &") == 0)
    for _ in 0..<900 {
      try await Task.sleep(for: .milliseconds(100))
      guard let output = try? DurableFile.read("\(folder)/output") else { continue }
      let text = String(decoding: output, as: UTF8.self)
      if text.hasSuffix("done\n") {
        unlink("\(folder)/output")
        return text
      }
    }
    throw TelosError(.timeout, "openssl did not end")
  }

  /// HTTP/2: preface, empty settings, and on stream 1 the headers of `Renew` with an empty message.
  private static var request: [UInt8] {
    func literal(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + text.utf8 }
    // RFC 7541, literals without indexing: names by their index in the static table, or spelt out.
    var headers: [UInt8] = [0x83, 0x87]
    headers += [0x04] + literal("/telos.fleet.v1.Fleet/Renew")
    headers += [0x01] + literal("coordinator")
    headers += [0x0f, 0x10] + literal("application/grpc")
    headers += [0x00] + literal("te") + literal("trailers")
    func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ body: [UInt8]) -> [UInt8] {
      [0, 0, UInt8(body.count), type, flags, 0, 0, 0, stream] + body
    }
    return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])
      + frame(1, 0x4, 1, headers) + frame(0, 0x1, 1, [0, 0, 0, 0, 0])
  }
}
