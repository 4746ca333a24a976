internal import FoundationEssentials
internal import GRDB
public import TelosCore

extension NodeDatabase {
  /// Deletes objects and keeps of each the version and the digest, below which none is accepted any more.
  public func forget(_ objects: [ObjectVersion]) async throws(TelosError) {
    try await write { db in
      for object in objects {
        try db.execute(
          sql: "DELETE FROM held WHERE kind = ? AND name = ? AND version <= ?",
          arguments: [object.kind.rawValue, object.name, Int64(clamping: object.version)])
        try db.execute(
          sql: """
            INSERT INTO floor VALUES (?, ?, ?, ?)
            ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version, digest = excluded.digest
            WHERE excluded.version >= version
            """,
          arguments: [
            object.kind.rawValue, object.name, Int64(clamping: object.version),
            Data(object.digest.bytes),
          ])
      }
    }
  }

  /// What was forgotten, in the version in which it was. Rows of a kind that only a newer Telos knows are left alone.
  public func floors() async throws(TelosError) -> [ObjectVersion] {
    try await read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM floor").compactMap { row in
        guard let kind = ObjectKind(rawValue: row["kind"]) else { return nil }
        guard let digest = Digest(bytes: row["digest"] as Data),
          let version = UInt64(exactly: row["version"] as Int64)
        else { throw TelosError(.corrupt, "the table of forgotten objects has an invalid row") }
        return ObjectVersion(kind: kind, name: row["name"], version: version, digest: digest)
      }
    }
  }
}
