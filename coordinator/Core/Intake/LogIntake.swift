internal import FleetWire
internal import FoundationEssentials
internal import SwiftProtobuf
internal import TelosCore

/// What one batch did.
struct Ingestion: Sendable {
  /// The newest sequence of the log that is stored, and the hash of that record.
  var through: UInt64 = 0
  var hash: [UInt8] = []
  /// The newest record of the batch that was stored before and is the same.
  var joint: (sequence: UInt64, hash: [UInt8])?
  /// The log went on differently behind a record that is stored: it is older than what was stored, as after a rollback of the
  /// node's disk. Of the batch nothing behind that place was taken in.
  var isForked = false
  var stored = 0
  /// Of the records that were stored.
  var bytes = 0
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
    /// More incidents are open than a node may have.
    case crowded = "incidents-crowded"
    /// The node sends more than is taken from one.
    case flood = "log-flood"
  }
  var reason: Reason
  var detail: String
}

/// How a batch of a node's log is taken in, inside one transaction.
///
/// Records that were stored before are skipped, so a batch may be sent again after a crash on either side. Missing records and
/// a broken hash chain are reported, not refused: refusing would only hide what comes after. A node that compares hashes begins
/// a new log where its own is not the one that is stored, and sends all of it again: there nothing has to be taken in twice.
struct LogIntake {
  let store: StoreTransaction
  let node: String
  private var head: LogHead
  private var incidents: OpenIncidents
  /// Taken in, not written yet.
  private var pending: [NewEvent] = []
  private var outcome = Ingestion()
  private let compares: Bool
  /// Whether nothing of this epoch was stored before.
  private let isNew: Bool

  /// Stores a batch exactly once, with all that follows from it.
  ///
  /// - Parameter findings: what else there is to say of the log.
  static func take(
    _ events: [Telos_Fleet_V1_Event], node: String, epoch: UInt64, compares: Bool = false,
    findings: [LogFinding] = [], _ store: StoreTransaction
  ) throws -> Ingestion {
    guard epoch <= UInt64.maximumStored,
      events.allSatisfy({ (1...UInt64.maximumStored).contains($0.sequence) })
    else { throw TelosError(.invalidArgument, "an epoch or sequence is out of range") }
    try LogBounds.check(events)
    var intake = try LogIntake(store, node: node, epoch: epoch, compares: compares)
    for finding in findings { intake.find(finding.reason, finding.detail) }
    for event in events where !intake.outcome.isForked { try intake.take(event) }
    try intake.finish()
    return intake.outcome
  }

  private init(_ store: StoreTransaction, node: String, epoch: UInt64, compares: Bool) throws {
    self.store = store
    self.node = node
    self.compares = compares
    incidents = OpenIncidents(node: node, epoch: epoch)
    let heads = try store.logHeads(of: node)
    isNew = !heads.contains { $0.epoch == epoch }
    if let known = heads.first(where: { $0.epoch == epoch }) {
      head = known
      outcome.through = known.sequence
      return
    }
    // Zeros are what the first record of a log names as the hash before it.
    head = LogHead(epoch: epoch, sequence: 0, hash: [UInt8](repeating: 0, count: 32))
    if !heads.isEmpty {
      find(.replaced, "a new log, epoch \(epoch), takes the place of the old one")
    }
  }

  private mutating func take(_ event: Telos_Fleet_V1_Event) throws {
    let record = Data(try event.recordBytes())
    guard event.sequence > head.sequence else {
      outcome.duplicates += 1
      try flush()
      let known = try store.record(node: node, epoch: head.epoch, sequence: event.sequence)
      if known == record {
        outcome.joint = (event.sequence, Digest(of: record).bytes)
      } else if known != nil {
        find(.rewritten, "record \(event.sequence) was sent again with other content")
        outcome.isForked = compares
      }
      return
    }
    if event.sequence > head.sequence + 1 {
      find(.gap, "records \(head.sequence + 1) to \(event.sequence - 1) never arrived")
    } else if [UInt8](event.previousHash) != head.hash {
      find(.chain, "record \(event.sequence) does not follow from the one before")
      if compares, outcome.stored == 0 {
        outcome.isForked = true
        return
      }
    }
    pending.append(
      NewEvent(event: event, record: record, node: node, place: (head.epoch, event.sequence)))
    head.hash = Digest(of: record).bytes
    head.sequence = event.sequence
    outcome.through = event.sequence
    outcome.stored += 1
    outcome.bytes += record.count
    outcome.kinds[event.kind, default: 0] += 1
    try incidents.add(event, store)
  }

  private mutating func flush() throws {
    guard !pending.isEmpty else { return }
    try store.add(pending)
    pending = []
  }

  private mutating func finish() throws {
    for finding in outcome.findings {
      pending.append(try report(finding))
      try incidents.add(finding, through: head.sequence, store)
    }
    try flush()
    try incidents.save(store)
    outcome.hash = head.hash
    if outcome.stored > 0 {
      try store.put(head, of: node)
      if isNew { try store.pruneLogHeads(of: node, keeping: LogBounds.epochs) }
    }
  }

  private mutating func find(_ reason: LogFinding.Reason, _ detail: String) {
    // One of each kind a batch: a node that makes them up must not fill the store with them.
    guard !outcome.findings.contains(where: { $0.reason == reason }) else { return }
    outcome.findings.append(LogFinding(reason: reason, detail: detail))
  }

  /// An event of the coordinator itself about a node: it has no place in the node's log.
  private func report(_ finding: LogFinding) throws -> NewEvent {
    let event = Telos_Fleet_V1_Event.with {
      $0.atUnixMs = UInt64(max(0, store.now.milliseconds))
      $0.kind = "trust"
      $0.reason = finding.reason.rawValue
      $0.detail = "coordinator: \(finding.detail) (epoch \(head.epoch))"
      $0.count = 1
    }
    return NewEvent(event: event, record: Data(try event.recordBytes()), node: node)
  }
}

extension Store {
  /// Takes in a batch of a node's log; returns once it is durable, perhaps together with other batches. That takes up to four
  /// seconds, unless something in it or behind it is urgent, or ``hurry()`` is called.
  ///
  /// - Parameters:
  ///   - compares: whether the node begins a new log where the answer's hash is not that of its own record.
  ///   - findings: what else there is to say of the log.
  ///   - isFollowed: whether another batch of the node waits for this one.
  func ingest(
    node: String, epoch: UInt64, events: [Telos_Fleet_V1_Event], compares: Bool = false,
    findings: [LogFinding] = [], isFollowed: () -> Bool = { false }, at now: Date
  ) async throws -> Ingestion {
    let isUrgent = !findings.isEmpty || events.contains(where: \.isUrgent)
    return try await grouped(
      isUrgent || isFollowed() ? .urgent : .calm, weight: max(1, events.count), at: now
    ) {
      try LogIntake.take(
        events, node: node, epoch: epoch, compares: compares, findings: findings, $0)
    }
  }
}

extension Telos_Fleet_V1_Event {
  /// Whether somebody may be waiting to see it. The rest is what a node does whenever something is published, or it starts.
  var isUrgent: Bool {
    switch eventKind {
    case .set, .node: false
    case .started, .ended, .exec, .tainted, .slammed, .denied, .wouldDeny, .lost, .trust, nil: true
    }
  }
}
