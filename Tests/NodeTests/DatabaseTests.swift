import FleetWire
import FoundationEssentials
import GRDB
import Kernel
import TelosCore
import Testing
import Trust

@testable import Node

@Suite struct DatabaseTests {
  @Test func aDamagedDatabaseIsSetAsideAndReported() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      let intent = try Signers().intentEnvelope()
      do {
        let database = try NodeDatabase.open(path)
        try await database.accept(.init(object: try intent.object, bytes: intent.wire), at: 1)
        try await database.queue.writeWithoutTransaction {
          _ = try $0.checkpoint(.truncate)
        }
      }
      var bytes = Array(try Data(contentsOf: URL(filePath: path)))
      let pattern = Array("read-logs".utf8)
      let at = try #require(
        bytes.indices.last { bytes[$0...].starts(with: pattern) }, "the payload is in the file")
      bytes[at] ^= 1
      try Data(bytes).write(to: URL(filePath: path))
      let database = try NodeDatabase.open(path)
      let damage = try #require(database.damage)
      let kept = Array(try Data(contentsOf: URL(filePath: damage.path)))
      #expect(kept.count >= bytes.count && kept[at] == bytes[at], "kept as it was found")
      #expect(try await database.objects().isEmpty)
    }
  }

  @Test func versionsNeverSink() async throws {
    try await withFolder { folder in
      let database = try NodeDatabase.open("\(folder)/node.sqlite")
      let signers = Signers()
      let new = try signers.intentEnvelope(version: 12)
      let old = try signers.intentEnvelope(version: 11)
      try await database.accept(.init(object: try new.object, bytes: new.wire), at: 1)
      let error = await #expect(throws: TelosError.self) {
        try await database.accept(.init(object: try old.object, bytes: old.wire), at: 2)
      }
      #expect(error?.code == .conflict)
      #expect(try await database.objects().map(\.object) == [try new.object])
    }
  }

  @Test func agentIDsRiseAcrossRestartsAndALostDatabase() async throws {
    try await withFolder { folder in
      var last: UInt64 = 0
      for round in 0..<3 {
        let database = try NodeDatabase.open("\(folder)/node-\(round / 2).sqlite")
        for _ in 0..<3 {
          let id = try await database.nextAgentID(above: round == 2 ? last : 0)
          #expect(id > last)
          last = id
        }
        #expect(try await database.nextAgentID(above: last + 1000) > last + 1000)
        last += 1001
      }
    }
  }

  @Test func provenanceIsStoredByItsChanges() async throws {
    try await withFolder { folder in
      let database = try NodeDatabase.open("\(folder)/node.sqlite")
      func file(_ inode: UInt64, _ state: AgentState = [], _ domain: UInt32 = 0) -> FileProvenance {
        FileProvenance(
          file: FileIdentity(inode: inode, device: 0x800001, generation: 0xffff_ffff),
          written: true, state: state, domain: domain)
      }
      try await database.storeProvenance([file(1), file(UInt64.max)], removed: [])
      try await database.storeProvenance([file(1, [.tainted, .slammed], 7)], removed: [])
      #expect(
        Set(try await database.provenance()) == [
          file(1, [.tainted, .slammed], 7), file(UInt64.max),
        ])
      try await database.storeProvenance([], removed: [file(1).file])
      #expect(try await database.provenance() == [file(UInt64.max)])
    }
  }

  @Test func filesInMemoryAreForgottenByTheNextBoot() async throws {
    try await withFolder { folder in
      let database = try NodeDatabase.open("\(folder)/node.sqlite")
      func file(_ inode: UInt64, _ device: UInt32) -> FileProvenance {
        FileProvenance(
          file: FileIdentity(inode: inode, device: device, generation: 1), written: true, state: [],
          domain: 0)
      }
      try await database.storeProvenance([file(1, 35), file(2, 36), file(3, 8 << 20)], removed: [])
      try await database.noteInMemory([35], boot: "one")
      #expect(try await database.forgetMemory(before: "one") == 0, "the machine runs still")
      #expect(try await database.forgetMemory(before: "") == 0, "nobody knows")
      #expect(try await database.forgetMemory(before: "two") == 1)
      #expect(try await database.provenance() == [file(2, 36), file(3, 8 << 20)])
      try await database.storeProvenance([file(4, 35)], removed: [])
      #expect(try await database.forgetMemory(before: "three") == 0, "35 is another one now")
    }
  }

  @Test func slamsOfAnotherLogAreForgotten() async throws {
    try await withFolder { folder in
      let database = try NodeDatabase.open("\(folder)/node.sqlite")
      let file = FileProvenance(
        file: FileIdentity(inode: 1, device: 2, generation: 3), written: true,
        state: [.tainted, .slammed], domain: 7, slam: 42)
      try await database.keepSlams(ofEpoch: 5)
      try await database.storeProvenance([file], removed: [])
      try await database.keepSlams(ofEpoch: 5)
      #expect(try await database.provenance() == [file])
      try await database.keepSlams(ofEpoch: 6)
      #expect(try await database.provenance().map(\.slam) == [0])
    }
  }

  @Test func launchesAreKnownUntilTheyEndAndAWhileAfter() async throws {
    try await withFolder { folder in
      let database = try NodeDatabase.open("\(folder)/node.sqlite")
      let launch = AgentLaunch(
        id: 77, intent: try Signers().intentEnvelope().object, uid: 1000, bootID: "b",
        started: 5, expires: 3605, executable: "/usr/bin/cat", temporaryFolder: "/tmp/telos-4d")
      try await database.started(launch)
      #expect(try await database.launches().map(\.hasEnded) == [false])
      try await database.ended([77, 78], at: 9)
      let stored = try await database.launches()
      #expect(stored.map(\.launch) == [launch] && stored.map(\.hasEnded) == [true])
    }
  }
}
