internal import GRDB
public import Kernel
public import TelosCore

extension NodeDatabase {
  /// Stores what changed in the kernel, in one transaction.
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
        sql: "INSERT OR REPLACE INTO provenance VALUES (?, ?, ?, ?, ?, ?)")
      for file in files {
        try insert.execute(arguments: [
          Int64(bitPattern: file.file.inode), Int64(file.file.device), Int64(file.file.generation),
          file.written, Int64(file.state.rawValue), Int64(file.domain),
        ])
      }
    }
  }

  public func provenance() async throws(TelosError) -> [FileProvenance] {
    try await read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM provenance").map { row in
        FileProvenance(
          file: FileIdentity(
            inode: UInt64(bitPattern: row["ino"] as Int64),
            device: UInt32(clamping: row["dev"] as Int64),
            generation: UInt32(clamping: row["generation"] as Int64)),
          written: row["written"],
          state: AgentState(rawValue: UInt32(clamping: row["state"] as Int64)),
          domain: UInt32(clamping: row["domain"] as Int64))
      }
    }
  }
}
