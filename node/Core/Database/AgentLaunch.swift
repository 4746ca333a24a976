internal import FoundationEssentials
internal import GRDB
public import TelosCore

/// What was decided when an agent was started: the node's own record beside the kernel's.
public struct AgentLaunch: Sendable, Hashable {
  public var id: UInt64
  public var intent: ObjectVersion
  public var uid: UInt32
  /// The boot in which it was started; an agent does not outlive it.
  public var bootID: String
  /// Milliseconds since 1970, as `expires`.
  public var started: UInt64
  public var expires: UInt64
  public var executable: String
  /// As the host's root sees it; nil when there is none, or it is in another root.
  public var temporaryFolder: String?

  /// 16 hexadecimal digits.
  public static func name(_ id: UInt64) -> String {
    let digits = String(id, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension NodeDatabase {
  public func started(_ launch: AgentLaunch) async throws(TelosError) {
    try await write { db in
      try db.execute(
        sql: "INSERT INTO agent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        arguments: [
          Int64(clamping: launch.id), launch.intent.name, Int64(clamping: launch.intent.version),
          Data(launch.intent.digest.bytes), Int64(launch.uid), launch.bootID,
          Int64(clamping: launch.started), Int64(clamping: launch.expires), launch.executable,
          launch.temporaryFolder,
        ])
    }
  }

  /// Marks agents as ended; those that were marked already keep their time.
  public func ended(_ ids: [UInt64], at unixMilliseconds: UInt64) async throws(TelosError) {
    guard !ids.isEmpty else { return }
    try await write { db in
      for id in ids {
        try db.execute(
          sql: "UPDATE agent SET ended_ms = ? WHERE id = ? AND ended_ms IS NULL",
          arguments: [Int64(clamping: unixMilliseconds), Int64(clamping: id)])
      }
      try db.execute(
        sql: """
          DELETE FROM agent WHERE ended_ms IS NOT NULL AND id NOT IN
            (SELECT id FROM agent ORDER BY id DESC LIMIT 10000)
          """)
    }
  }

  /// Agents that have not ended, or are among the last 1,000 that did: events of them may still come.
  public func launches() async throws(TelosError) -> [(launch: AgentLaunch, hasEnded: Bool)] {
    try await read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT * FROM agent WHERE ended_ms IS NULL OR id IN
            (SELECT id FROM agent ORDER BY id DESC LIMIT 1000)
          """)
      return try rows.map { row in
        guard let digest = Digest(bytes: row["intent_digest"] as Data) else {
          throw TelosError(.corrupt, "an agent's intent has no digest")
        }
        let launch = AgentLaunch(
          id: UInt64(clamping: row["id"] as Int64),
          intent: ObjectVersion(
            kind: .intent, name: row["intent"],
            version: UInt64(clamping: row["intent_version"] as Int64), digest: digest),
          uid: UInt32(clamping: row["uid"] as Int64), bootID: row["boot_id"],
          started: UInt64(clamping: row["started_ms"] as Int64),
          expires: UInt64(clamping: row["expires_ms"] as Int64), executable: row["executable"],
          temporaryFolder: row["tmpdir"])
        return (launch, row["ended_ms"] != nil)
      }
    }
  }
}
