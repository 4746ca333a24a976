internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// What an agent may look up, and where it is answered: kept for a daemon that starts while the agent runs.
struct StoredNames: Sendable, Hashable {
  var agent: UInt64
  /// The payload of the intent that it was started under. A newer version changes nothing for it.
  var intent: [UInt8]
  /// The number of its network name space.
  var network: UInt64
  /// Of the proxy, in that name space.
  var port: UInt16
  /// A resolv.conf with the servers that are asked there.
  var servers: String
}

extension NodeDatabase {
  func keep(_ names: StoredNames) async throws(TelosError) {
    try await write { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?)",
        arguments: [
          Int64(clamping: names.agent), Data(names.intent), Int64(bitPattern: names.network),
          Int64(names.port), names.servers,
        ])
    }
  }

  func forgetNames(of agents: [UInt64]) async throws(TelosError) {
    guard !agents.isEmpty else { return }
    try await write { db in
      for agent in agents {
        try db.execute(
          sql: "DELETE FROM names WHERE agent = ?", arguments: [Int64(clamping: agent)])
      }
    }
  }

  func names() async throws(TelosError) -> [StoredNames] {
    try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT agent, intent, network, port, servers FROM names ORDER BY agent"
      ).map { row in
        StoredNames(
          agent: UInt64(clamping: row[0] as Int64), intent: [UInt8](row[1] as Data),
          network: UInt64(bitPattern: row[2] as Int64), port: UInt16(clamping: row[3] as Int64),
          servers: row[4])
      }
    }
  }
}
