import EventLog
import FleetCA
import FleetIdentity
import FleetWire
import FoundationEssentials
import Glibc
import Synchronization
import TelosCore
import Testing
import Trust
import X509

@testable import Node

/// How a machine becomes a node, and comes back as the one that it was.
@Suite(.serialized) struct EnrolmentTests {
  @Test func aNodeThatCannotStoreWhatItGotTriesAgainWithTheSameTokenAndKey() async throws {
    try await withFolder { path in
      let fleet = try TestFleet()
      let folder = try DataFolder("\(path)/data")
      // A folder in the place of the last file that is written.
      let obstacle = folder.file("identity.json")
      var first = ""
      #expect(mkdir(obstacle, 0o700) == 0)
      try await fleet.serving { sync, port in
        let enrolment = Enrolment(
          token: fleet.token(enrolment: port, sync: sync), name: "n1", labels: [:])
        // On a busy machine a call may fail before it arrives.
        for _ in 0..<5 where fleet.desk.state.withLock({ $0.enrolments.isEmpty }) {
          await #expect(throws: TelosError.self) { try await enrolment.run(into: folder) }
        }
        #expect(FileStatus(folder.enrolmentKey)?.permissions == 0o600)
        first = String(decoding: try SecretFile.read(folder.enrolmentKey), as: UTF8.self)
        rmdir(obstacle)
        try await enrolment.run(into: folder)
      }
      #expect(fleet.desk.state.withLock { $0.enrolments.count } == 2)
      #expect(try Credential(contentsOf: folder.credential).key.pem == first)
      #expect(FileStatus(folder.enrolmentKey) == nil, "the key is in one file only")
    }
  }

  @Test func enrollingAgainKeepsDatabaseAndLog() async throws {
    try await withFolder { path in
      let fleet = try TestFleet()
      let folder = try DataFolder("\(path)/data")
      try await fleet.serving { sync, port in
        let token = fleet.token(enrolment: port, sync: sync)
        try await Enrolment(token: token, name: "n1", labels: [:]).run(into: folder)
        let before = try Credential(contentsOf: folder.credential)
        let kept = ["node.sqlite", "events.sqlite", "events.epoch"]
        for name in kept { try DurableFile.write(Array(name.utf8), to: folder.file(name)) }

        let again = Enrolment(token: token, name: "n1", labels: [:], again: true)
        do {
          let running = try folder.lock()
          defer { withExtendedLifetime(running) {} }
          let busy = await #expect(throws: TelosError.self) { try await again.run(into: folder) }
          #expect(busy?.code == .conflict && busy?.message.contains("another telos-node") == true)
        }
        try await again.run(into: folder)
        for name in kept {
          #expect(try DurableFile.read(folder.file(name)) == Array(name.utf8), "\(name)")
        }
        let after = try Credential(contentsOf: folder.credential)
        #expect(after.key.pem != before.key.pem)

        let other = Enrolment(token: token, name: "n2", labels: [:], again: true)
        let renamed = await #expect(throws: TelosError.self) { try await other.run(into: folder) }
        #expect(renamed?.code == .conflict)
      }
      // Another fleet is no place to take events and versions to.
      let stranger = try TestFleet()
      let kept = try Credential(contentsOf: folder.credential)
      try await stranger.serving { sync, port in
        let token = stranger.token(enrolment: port, sync: sync)
        let error = await #expect(throws: TelosError.self) {
          try await Enrolment(token: token, name: "n1", labels: [:], again: true)
            .run(into: folder)
        }
        #expect(error?.code == .conflict)
      }
      #expect(try Credential(contentsOf: folder.credential).key.pem == kept.key.pem)
      let root = try Envelope(json: Data(try DurableFile.read(folder.root)))
      #expect(root.digest == fleet.root.digest)
    }
  }

  @Test func aTokenThatPinsAnOlderRootCatchesUpByTheChain() async throws {
    try await withFolder { path in
      let fleet = try TestFleet()
      // The root's key changes on the way: the first root alone could not verify the last.
      var later = fleet.signers
      later.root = SigningKey()
      let second = try later.rootStatement(
        version: 2, authorities: [fleet.authority.certificate.pem]
      ).signed(by: [fleet.signers.root, later.root])
      let third = try later.rootStatement(
        version: 3, authorities: [fleet.authority.certificate.pem]
      ).signed(by: [later.root])
      try await fleet.serving { sync, port in
        func attempt(_ name: String, _ roots: [Envelope]) async throws -> TelosCore.Digest {
          fleet.desk.state.withLock { $0.newerRoots = roots }
          let folder = try DataFolder("\(path)/\(name)")
          try await Enrolment(
            token: fleet.token(enrolment: port, sync: sync), name: "n1", labels: [:]
          ).run(into: folder)
          return try Envelope(json: Data(try DurableFile.read(folder.root))).digest
        }
        let stored = try await attempt("whole", [second, third])
        #expect(stored == third.digest)
        await #expect(throws: TelosError.self) { try await attempt("gap", [third]) }
        #expect(FileStatus("\(path)/gap/identity.json") == nil)
      }
      let pinned = fleet.desk.state.withLock { $0.enrolments.map(\.rootDigest) }
      #expect(pinned == [Data(fleet.root.digest.bytes), Data(fleet.root.digest.bytes)])
    }
  }

  @Test(arguments: [false, true])
  func aNodeCutOffForAWeekComesBackWithItsOldKeyUnlessItWasBanned(isBanned: Bool) async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      fleet.desk.state.withLock { $0.isBanned = isBanned }
      let fixture = try KeeperFixture(folder, signers: fleet.signers)
      let log = try await EventLog.open(folder: folder, node: "n1")
      let key = IdentityKey()
      let expired = try fleet.authority.issue(
        node: "n1", request: try key.signingRequest(name: "n1"),
        now: .now.addingTimeInterval(-8 * 86400))
      try await fleet.serving { sync, enrolment in
        try await fleet.node(
          folder, port: sync, keeper: fixture.keeper, log: log,
          credential: try Credential(chain: [expired], key: key), enrolment: enrolment
        ) {
          try await fleet.desk.wait("it asks") { state in
            isBanned ? state.readmissions.count > 1 : !state.hellos.isEmpty
          }
        }
      }
      let state = fleet.desk.state.withLock { $0 }
      #expect(state.hellos.isEmpty == isBanned)
      #expect(state.readmissions.first?.nodeName == "n1")
      if isBanned {
        #expect(FileStatus("\(folder)/node.pem") == nil)
      } else {
        #expect(state.readmissions.count == 1, "and once is enough")
        let stored = try Credential(contentsOf: "\(folder)/node.pem")
        #expect(stored.key.pem == key.pem && stored.leaf.notValidAfter > Date())
      }
    }
  }
}
