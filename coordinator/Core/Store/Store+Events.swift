internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import SwiftProtobuf
internal import TelosCore

/// What one batch did.
struct Ingestion: Sendable, Hashable {
  /// The newest sequence of the log that is stored.
  var through: UInt64 = 0
  var stored = 0
  /// Stored before: skipped.
  var duplicates = 0
  /// What is wrong with the log: gaps, a broken chain.
  var findings: [LogFinding] = []
  /// Stored events by kind.
  var kinds: [String: Int] = [:]
}

/// Something that an honest node's log never shows.
struct LogFinding: Sendable, Hashable {
  enum Reason: String, Sendable {
    /// Records are missing.
    case gap = "log-gap"
    /// A record does not name the hash of the one before.
    case chain = "log-chain"
    /// A record was sent again with other content.
    case rewritten = "log-rewritten"
    /// The node began another log: its old one was damaged, or it was installed anew.
    case replaced = "log-replaced"
  }
  var reason: Reason
  var detail: String
}

extension Store {
  /// Stores a batch of a node's log exactly once, with all that follows from it, in one transaction.
  ///
  /// Records that were stored before are skipped, so a batch may be sent again after a crash on either side. Missing
  /// records and a broken hash chain are reported, not refused: refusing would only hide what comes after.
  func ingest(node: String, epoch: UInt64, events: [Telos_Fleet_V1_Event], at now: Date)
    async throws -> Ingestion
  {
    guard epoch <= UInt64.maximumStored,
      events.allSatisfy({ (1...UInt64.maximumStored).contains($0.sequence) })
    else { throw TelosError(.invalidArgument, "an epoch or sequence is out of range") }
    return try await write { db in
      var log = try LogHead(db, node: node, epoch: epoch)
      var incidents = OpenIncidents(node: node, epoch: epoch)
      for event in events {
        guard try log.take(event, db) else { continue }
        try incidents.add(event, db)
      }
      for finding in log.outcome.findings {
        try db.report(finding, node: node, epoch: epoch, at: now)
        try incidents.add(finding, at: now, through: log.outcome.through, db)
      }
      try incidents.save(db)
      try log.save(db)
      return log.outcome
    }
  }
}

/// The end of one log of a node, inside a transaction.
private struct LogHead {
  let node: String
  let epoch: UInt64
  var hash: [UInt8]
  var outcome = Ingestion()

  init(_ db: Database, node: String, epoch: UInt64) throws {
    self.node = node
    self.epoch = epoch
    let rows = try Row.fetchAll(
      db, sql: "SELECT epoch, sequence, hash FROM event_head WHERE node = ?", arguments: [node])
    if let row = rows.first(where: { $0["epoch"] as Int64 == epoch.stored }) {
      hash = [UInt8](row["hash"] as Data)
      outcome.through = UInt64(row["sequence"] as Int64)
      return
    }
    // What the first record of a log names as the hash before it.
    hash = [UInt8](repeating: 0, count: 32)
    if !rows.isEmpty {
      find(.replaced, "a new log, epoch \(epoch), takes the place of the old one")
    }
  }

  /// Stores one record; false if it was there before.
  mutating func take(_ event: Telos_Fleet_V1_Event, _ db: Database) throws -> Bool {
    let record = Data(try event.recordBytes())
    guard event.sequence > outcome.through else {
      outcome.duplicates += 1
      let known = try Data.fetchOne(
        db.cachedStatement(
          sql: "SELECT record FROM event WHERE node = ? AND epoch = ? AND sequence = ?"),
        arguments: [node, epoch.stored, event.sequence.stored])
      if let known, known != record {
        find(.rewritten, "record \(event.sequence) was sent again with other content")
      }
      return false
    }
    if event.sequence > outcome.through + 1 {
      find(.gap, "records \(outcome.through + 1) to \(event.sequence - 1) never arrived")
    } else if [UInt8](event.previousHash) != hash {
      find(.chain, "record \(event.sequence) does not follow from the one before")
    }
    try db.insertEvent(
      event, record: record, node: node, epoch: epoch.stored, sequence: event.sequence.stored)
    hash = Digest(of: record).bytes
    outcome.through = event.sequence
    outcome.stored += 1
    outcome.kinds[event.kind, default: 0] += 1
    return true
  }

  func save(_ db: Database) throws {
    guard outcome.stored > 0 else { return }
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO event_head VALUES (?, ?, ?, ?)")
      .execute(arguments: [node, epoch.stored, outcome.through.stored, Data(hash)])
  }

  private mutating func find(_ reason: LogFinding.Reason, _ detail: String) {
    // One of each kind a batch: a node that makes them up must not fill the store with them.
    guard !outcome.findings.contains(where: { $0.reason == reason }) else { return }
    outcome.findings.append(LogFinding(reason: reason, detail: detail))
  }
}

extension Database {
  fileprivate func insertEvent(
    _ event: Telos_Fleet_V1_Event, record: Data, node: String, epoch: Int64?, sequence: Int64?
  ) throws {
    try cachedStatement(
      sql: """
        INSERT INTO event (node, epoch, sequence, at, kind, agent, record)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      node, epoch, sequence, event.atUnixMs.stored, event.kind, event.agent, record,
    ])
  }

  /// An event of the coordinator itself about a node: it has no place in the node's log.
  fileprivate func report(_ finding: LogFinding, node: String, epoch: UInt64, at now: Date) throws {
    let event = Telos_Fleet_V1_Event.with {
      $0.atUnixMs = UInt64(max(0, now.milliseconds))
      $0.kind = "trust"
      $0.reason = finding.reason.rawValue
      $0.detail = "coordinator: \(finding.detail) (epoch \(epoch))"
      $0.count = 1
    }
    try insertEvent(
      event, record: Data(try event.recordBytes()), node: node, epoch: nil, sequence: nil)
  }
}
