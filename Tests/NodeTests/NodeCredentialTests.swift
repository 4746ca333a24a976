import FleetCA
import FleetIdentity
import FoundationEssentials
import Glibc
import TelosCore
import Testing

@testable import Node

/// The certificate and its key on disk, twice.
@Suite struct NodeCredentialTests {
  private func credential(_ fleet: TestFleet) throws -> Credential {
    let key = IdentityKey()
    let leaf = try fleet.authority.issue(node: "n1", request: try key.signingRequest(name: "n1"))
    return try Credential(chain: [leaf], key: key)
  }

  @Test func oneFlippedByteAnywhereInEitherFileLosesNothing() async throws {
    try await withFolder(in: "/dev/shm") { folder in
      let path = "\(folder)/node.pem"
      let kept = try credential(TestFleet())
      try NodeCredential.write(kept, to: path)
      for name in [path, TwinFile.twin(of: path)] {
        #expect(FileStatus(name)?.permissions == 0o600)
        let whole = try DurableFile.read(name, limit: 1 << 16)
        for place in whole.indices {
          var bytes = whole
          bytes[place] ^= 1
          try bytes.withUnsafeBytes { try Data($0).write(to: URL(filePath: name)) }
          guard chmod(name, 0o600) == 0,
            (try? NodeCredential.read(path))?.pem == kept.pem
          else {
            Issue.record("\(name), byte \(place)")
            break
          }
        }
        try Data(whole).write(to: URL(filePath: name))
      }
    }
  }

  @Test func whatAnEarlierVersionRenewedIsTheNewerOne() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.pem"
      let fleet = try TestFleet()
      try NodeCredential.write(try credential(fleet), to: path)
      try await Task.sleep(for: .seconds(2))  // certificates count seconds
      let renewed = try credential(fleet)
      try renewed.write(to: path)
      #expect(try NodeCredential.read(path).pem == renewed.pem)
      try Data("half a file".utf8).write(to: URL(filePath: path))
      #expect(try NodeCredential.read(path).pem != renewed.pem, "the twin's is all that is left")
    }
  }

  @Test func aTwinThatOthersMayReadIsRefusedWithTheCommandThatMendsIt() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.pem"
      try NodeCredential.write(try credential(TestFleet()), to: path)
      chmod(TwinFile.twin(of: path), 0o644)
      let refusal = #expect(throws: TelosError.self) { try NodeCredential.read(path) }
      #expect(refusal?.code == .forbidden)
      #expect(refusal?.hint == "chmod 600 \(path).twin")
    }
  }
}
