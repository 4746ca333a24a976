internal import GRDB
public import Kernel
public import TelosCore

extension NodeDatabase {
  /// Stores what changed in the kernel, in one transaction. The slams are sequences of the node's log here.
  public func storeProvenance(_ files: [FileProvenance], removed: [FileIdentity])
    async throws(TelosError)
  {
    try await write { db in
      let delete = try db.cachedStatement(
        sql: "DELETE FROM provenance WHERE ino = ? AND dev = ? AND generation = ?")
      for file in removed {
        try delete.execute(arguments: [
          Int64(bitPattern: file.inode), Int64(file.device), Int64(file.generation),
        ])
      }
      let insert = try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO provenance VALUES (?, ?, ?, ?, ?, ?, ?)")
      for file in files {
        try insert.execute(arguments: [
          Int64(bitPattern: file.file.inode), Int64(file.file.device), Int64(file.file.generation),
          file.written, Int64(file.state.rawValue), Int64(file.domain), Int64(clamping: file.slam),
        ])
      }
    }
  }

  /// Forgets the slams that files' states came from, where they are those of another log.
  public func keepSlams(ofEpoch epoch: UInt64) async throws(TelosError) {
    try await write { db in
      let epoch = Int64(clamping: epoch)
      let known = try Int64.fetchOne(db, sql: "SELECT value FROM mark WHERE name = 'slam-epoch'")
      guard known != epoch else { return }
      try db.execute(sql: "UPDATE provenance SET slam = 0")
      try db.execute(
        sql: "INSERT OR REPLACE INTO mark VALUES ('slam-epoch', ?)", arguments: [epoch])
    }
  }

  /// Notes which devices are file systems in memory in this boot.
  public func noteInMemory(_ devices: Set<UInt32>, boot: String) async throws(TelosError) {
    guard !devices.isEmpty else { return }
    try await write { db in
      for device in devices {
        try db.execute(
          sql: "INSERT OR IGNORE INTO memory_device VALUES (?, ?)",
          arguments: [Int64(device), boot])
      }
    }
  }

  /// Drops the files that were in memory only, and with it are gone, in other boots than this one.
  ///
  /// - Returns: how many there were.
  public func forgetMemory(before boot: String) async throws(TelosError) -> Int {
    guard !boot.isEmpty else { return 0 }
    return try await write { db in
      try db.execute(
        sql: """
          DELETE FROM provenance WHERE dev IN (SELECT dev FROM memory_device WHERE boot_id <> ?1)
            AND dev NOT IN (SELECT dev FROM memory_device WHERE boot_id = ?1)
          """, arguments: [boot])
      let count = db.changesCount
      try db.execute(sql: "DELETE FROM memory_device WHERE boot_id <> ?", arguments: [boot])
      return count
    }
  }

  public func provenance() async throws(TelosError) -> [FileProvenance] {
    try await read { db in
      // By number: looking a column up by its name takes longer than reading it, and there may be half a million rows.
      try Row.fetchAll(
        db, sql: "SELECT ino, dev, generation, written, state, domain, slam FROM provenance"
      ).map { row in
        FileProvenance(
          file: FileIdentity(
            inode: UInt64(bitPattern: row[0] as Int64),
            device: UInt32(clamping: row[1] as Int64),
            generation: UInt32(clamping: row[2] as Int64)),
          written: row[3],
          state: AgentState(rawValue: UInt32(clamping: row[4] as Int64)),
          domain: UInt32(clamping: row[5] as Int64),
          slam: UInt64(clamping: row[6] as Int64))
      }
    }
  }
}
