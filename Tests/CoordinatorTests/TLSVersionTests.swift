import Foundation
import TelosCore
import Testing

@testable import Coordinator

@Suite(
  "the versions of TLS that a coordinator speaks",
  .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct TLSVersionTests {
  @Test func everyListenerRefusesTLSBefore12() async throws {
    try await RunningFleet.run { fleet in
      for (name, port, application) in [
        ("sync", fleet.ports.sync.port, "h2"), ("enrolment", fleet.ports.enrolment.port, "h2"),
        ("api", fleet.ports.api.port, "http/1.1"),
      ] {
        // The same client is understood where it speaks a version that is good: it sees the certificate.
        for version in ["tls1_2", "tls1_3"] {
          let answer = try await Self.connect(fleet.scratch, port, version, application)
          #expect(answer.contains("BEGIN CERTIFICATE"), "\(name) \(version): \(answer)")
        }
        for version in ["tls1", "tls1_1"] {
          let answer = try await Self.connect(fleet.scratch, port, version, application)
          #expect(answer.contains("alert protocol version"), "\(name) \(version): \(answer)")
          #expect(!answer.contains("BEGIN CERTIFICATE"), "\(name) \(version)")
        }
      }
    }
  }

  /// What OpenSSL's client said. It runs in the background, because this thread may be one that answers it.
  private static func connect(
    _ scratch: Scratch, _ port: Int, _ version: String, _ application: String
  ) async throws -> String {
    let output = "\(scratch.path)/tls-\(port)-\(version)"
    // Its own configuration would forbid the old versions before anybody else could.
    let command = """
      OPENSSL_CONF=/dev/null timeout 60 openssl s_client -connect 127.0.0.1:\(port) -\(version) \
      -alpn \(application) -cipher 'ALL:@SECLEVEL=0' > \(output) 2>&1; echo done >> \(output)
      """
    #expect(system("(\(command)) < /dev/null > /dev/null 2>&1 &") == 0)
    for _ in 0..<900 {
      try await Task.sleep(for: .milliseconds(100))
      guard let bytes = try? DurableFile.read(output) else { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      if text.hasSuffix("done\n") { return text }
    }
    throw TelosError(.timeout, "openssl did not end")
  }
}
