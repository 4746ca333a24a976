import FleetWire
import FoundationEssentials
import GRDB
import Glibc
import Kernel
import TelosCore
import Testing
import Trust

@testable import Node

@Suite struct DatabaseTests {
  /// Flips one bit of what the file says about an intent.
  private func damage(_ path: String) throws -> (at: Int, bytes: [UInt8]) {
    var bytes = Array(try Data(contentsOf: URL(filePath: path)))
    let pattern = Array("read-logs".utf8)
    let at = try #require(
      bytes.indices.last { bytes[$0...].starts(with: pattern) }, "the payload is in the file")
    bytes[at] ^= 1
    try Data(bytes).write(to: URL(filePath: path))
    return (at, bytes)
  }

  private func filled(_ path: String) async throws -> ObjectVersion {
    let intent = try Signers().intentEnvelope()
    let database = try NodeDatabase.open(path)
    try await database.accept(.init(object: try intent.object, bytes: intent.wire), at: 1)
    try await database.checkpoint()
    return try intent.object
  }

  @Test func ofTwoFilesOneMayBeDamaged() async throws {
    for second in [false, true] {
      try await withFolder { folder in
        let path = "\(folder)/node.sqlite"
        let object = try await filled(path)
        let file = second ? NodeDatabase.twin(of: path) : path
        let (at, bytes) = try damage(file)
        for _ in 0..<2 {
          let database = try NodeDatabase.open(path)
          #expect(try await database.objects().map(\.object) == [object])
          guard let damage = database.damage else { continue }
          #expect(!damage.isLost)
          let kept = Array(try Data(contentsOf: URL(filePath: damage.path)))
          #expect(kept.count >= bytes.count && kept[at] == bytes[at], "kept as it was found")
        }
        #expect(try NodeDatabase.open(path).damage == nil, "made anew")
      }
    }
  }

  /// A database with something in each of its tables, put into the files themselves.
  private func full(_ path: String) async throws {
    _ = try await filled(path)
    let database = try NodeDatabase.open(path)
    let signers = Signers()
    let gone = try signers.neverBlockSet(["192.0.2.1"])
    try await database.accept(.init(object: try gone.object, bytes: gone.wire), at: 1)
    try await database.forget([try gone.object])
    try await database.storeProvenance(
      (1..<9).map {
        FileProvenance(
          file: FileIdentity(inode: $0, device: 0x800001, generation: 5), written: true,
          state: [.tainted, .slammed], domain: 7, slam: 42)
      }, removed: [])
    try await database.noteInMemory([35], boot: "one")
    try await database.started(
      AgentLaunch(
        id: 77, intent: try gone.object, uid: 1000, bootID: "b", started: 5, expires: 3605,
        executable: "/usr/bin/cat"))
    try await database.checkpoint()
  }

  /// Everything that a file says, row by row, but how often it was written.
  private func content(_ database: NodeDatabase) async throws -> [String] {
    try await database.read { db in
      try ["held", "floor", "agent", "provenance", "mark", "memory_device"].flatMap { table in
        try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map { "\(table) \($0)" }
      }
    }
  }

  /// Every byte of the header, and of the rest every 191st and many where rows are: at the ends of pages.
  @Test func noFlippedByteLosesOrChangesAnything() async throws {
    // Each is an opening that mends, with its syncs: on a disk they take minutes.
    try await withFolder(in: "/dev/shm") { folder in
      let path = "\(folder)/node.sqlite"
      try await full(path)
      let whole = try await content(try NodeDatabase.open(path))
      #expect(whole.count == 8 + 5)
      let bytes = Array(try Data(contentsOf: URL(filePath: path)))
      let other = Array(try Data(contentsOf: URL(filePath: NodeDatabase.twin(of: path))))
      let offsets = bytes.indices.filter {
        $0 < 100 || $0 % 383 == 0 || ($0 % 4096 > 4096 - 64 && $0 % 3 == 0)
      }
      var found = 0
      for (file, content) in [(path, bytes), (NodeDatabase.twin(of: path), other)] {
        for offset in offsets where file == path || offset % 5 == 0 {
          for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            unlink("\(folder)/\(name)")
          }
          try Data(bytes).write(to: URL(filePath: path))
          try Data(other).write(to: URL(filePath: NodeDatabase.twin(of: path)))
          var flipped = content
          flipped[offset] ^= 1 << (offset % 8)
          try Data(flipped).write(to: URL(filePath: file))
          let database = try NodeDatabase.open(path)
          #expect(database.damage?.isLost != true, "\(file) at \(offset)")
          found += database.damage == nil ? 0 : 1
          let now = try await self.content(database)
          #expect(now == whole, "\(file) at \(offset)")
        }
      }
      print(
        "of \(offsets.count * 6 / 5) flipped bytes \(found) mattered to SQLite or to a checksum")
      #expect(found > 100)
    }
  }

  @Test func ofTwoFilesOneMayBeGoneOrAWriteBehind() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      let object = try await filled(path)
      let before = try Data(contentsOf: URL(filePath: path))
      do {
        let database = try NodeDatabase.open(path)
        try await database.raise("agent", to: 4711)
        try await database.checkpoint()
      }
      // As after a crash between the two writes of one change.
      for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
      try before.write(to: URL(filePath: path))
      let again = try NodeDatabase.open(path)
      #expect(try await again.raise("agent", to: 1) == 4711)
      #expect(try await again.objects().map(\.object) == [object])
    }
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      let object = try await filled(path)
      for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
      let again = try NodeDatabase.open(path)
      #expect(try await again.objects().map(\.object) == [object] && again.damage == nil)
    }
  }

  @Test func twoDamagedFilesAreSetAsideAndReported() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      _ = try await filled(path)
      for file in [path, NodeDatabase.twin(of: path)] { _ = try damage(file) }
      let database = try NodeDatabase.open(path)
      #expect(database.damage?.isLost == true)
      #expect(try await database.objects().isEmpty)
      let kept = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.contains("damaged")
      }
      #expect(kept.count >= 2)
    }
  }

  @Test func whatANewerVersionWroteIsLeftAlone() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      let object = try await filled(path)
      do {
        let database = try NodeDatabase.open(path)
        try await database.write { db in
          try db.execute(
            sql: "INSERT INTO held VALUES ('verdict', 'x', 1, x'00', x'00', 1, 1)")
        }
        let again = try await database.objects()
        #expect(again.map(\.object) == [object], "a kind that only a newer version knows")
      }
      let reopened = try NodeDatabase.open(path)
      #expect(reopened.damage == nil, "is no damage, and is kept")
      #expect(
        try await reopened.read {
          try Int.fetchOne($0, sql: "SELECT count(*) FROM held WHERE kind = 'verdict'")
        } == 1)
      try await reopened.write {
        try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')")
        try $0.execute(sql: "ALTER TABLE held ADD COLUMN note TEXT")
      }
      try await reopened.checkpoint()
      let files = [path, NodeDatabase.twin(of: path)]
      let before = try files.map { try Data(contentsOf: URL(filePath: $0)) }
      let copy = try NodeDatabase.open(path)
      #expect(copy.newer?.code == .conflict && copy.damage == nil)
      #expect(
        try await copy.objects().map(\.object) == [object], "is known, and can be put in force")
      #expect(try await copy.nextAgentID() > 0)
      let next = try Signers().intentEnvelope(version: 99)
      let error = await #expect(throws: TelosError.self) {
        try await copy.accept(.init(object: try next.object, bytes: next.wire), at: 2)
      }
      #expect(error?.code == .conflict, "what cannot be stored is not accepted")
      #expect(try files.map { try Data(contentsOf: URL(filePath: $0)) } == before)
      let kept = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.contains("damaged")
      }
      #expect(kept.isEmpty)
    }
  }

  @Test func theTablesOfAnOlderVersionAreTakenUp() async throws {
    try await withFolder { folder in
      let path = "\(folder)/node.sqlite"
      var configuration = Configuration()
      configuration.journalMode = .wal
      let intent = try Signers().intentEnvelope()
      let object = try intent.object
      do {
        let older = try DatabaseQueue(path: path, configuration: configuration)
        try NodeSchema.migrator.migrate(older, upTo: "3")
        try await older.write { db in
          try db.execute(
            sql: "INSERT INTO held VALUES ('intent', ?, ?, ?, ?, 1, 1)",
            arguments: [
              object.name, Int64(clamping: object.version), Data(object.digest.bytes), intent.wire,
            ])
          try db.execute(sql: "INSERT INTO provenance VALUES (1, 2, 3, 1, 3, 7, 42)")
          try db.execute(sql: "INSERT INTO mark VALUES ('agent', 4711)")
        }
        try older.close()
      }
      let database = try NodeDatabase.open(path)
      #expect(database.damage == nil && database.newer == nil)
      #expect(try await database.objects().map(\.object) == [object])
      #expect(try await database.provenance().map(\.domain) == [7])
      #expect(try await database.raise("agent", to: 1) == 4711)
      let old = try Signers().intentEnvelope(version: object.version - 1)
      let error = await #expect(throws: TelosError.self) {
        try await database.accept(.init(object: try old.object, bytes: old.wire), at: 2)
      }
      #expect(error?.code == .conflict, "versions that were accepted before stay the lowest")
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
