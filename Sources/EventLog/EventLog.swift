public import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import SQLiteFiles
internal import SwiftProtobuf
internal import Synchronization
public import TelosCore

/// A node's durable log of events, numbered (node, epoch, sequence) and chained by hash: every record holds the
/// SHA-256 of the record before, as stored. It is also the spool: what the coordinator has not acknowledged stays.
///
/// Every append is one transaction, synced to disk before it returns. One process at a time may open it.
public final class EventLog: Sendable {
  /// How much disk the records may take.
  public struct Bounds: Sendable {
    /// Bytes of unacknowledged records. Beyond it events are counted as lost; slams have an eighth more.
    public var spool: Int
    /// Bytes of acknowledged records that are kept for a look back.
    public var kept: Int

    public init(spool: Int = 256 << 20, kept: Int = 32 << 20) {
      self.spool = spool
      self.kept = kept
    }
  }

  /// A damaged log that was found at the opening.
  public struct Damage: Sendable, Hashable {
    /// What was wrong.
    public var why: String
    /// Where the damaged file is now; nil when it was gone altogether.
    public var path: String?
  }

  /// Set when this opening found a damaged or vanished log and began a new epoch; the log's first record says so too.
  public let damage: Damage?
  let queue: DatabaseQueue
  let bounds: Bounds
  let state: Mutex<LogState>
  let changed = Signal()

  init(_ queue: DatabaseQueue, _ bounds: Bounds, _ state: LogState, _ damage: Damage?) {
    self.queue = queue
    self.bounds = bounds
    self.state = Mutex(state)
    self.damage = damage
  }

  /// Of the log in force; a new one began when a damaged log was set aside.
  public var epoch: UInt64 { state.withLock { $0.epoch } }
  /// The newest record; 0 before the first.
  public var last: UInt64 { state.withLock { $0.last } }
  /// The newest record that the coordinator has.
  public var acknowledged: UInt64 { state.withLock { $0.acknowledged } }
  /// Events that found no room and of which no `lost` record tells yet.
  public var lost: UInt64 { state.withLock { $0.lost } }

  /// Yields after records were added or acknowledged; changes that follow each other closely may be one.
  public func changes() -> AsyncStream<Void> { changed.stream() }

  /// Numbers, chains and stores events in their order, all or none.
  ///
  /// - Returns: their sequences; 0 for an event that found no room and is counted in a later record of kind `lost`.
  @discardableResult
  public func append(_ events: [Telos_Fleet_V1_Event]) async throws(TelosError) -> [UInt64] {
    if events.isEmpty { return [] }
    let sequences = try await transact { [bounds] db, state in
      try Self.store(events, bounds, db, &state)
    }
    changed.notify()
    return sequences
  }

  /// Records after `sequence`, oldest first: at most `limit` of them, and not many more than `bytes` bytes.
  public func read(after sequence: UInt64, limit: Int = 1000, bytes: Int = 1 << 20)
    async throws(TelosError) -> [Telos_Fleet_V1_Event]
  {
    do {
      return try await queue.read { db in
        var events: [Telos_Fleet_V1_Event] = []
        var size = 0
        let rows = try Row.fetchCursor(
          db, sql: "SELECT bytes FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?",
          arguments: [Int64(clamping: sequence), limit])
        while size < bytes, let row = try rows.next() {
          let data = row["bytes"] as Data
          size += data.count
          events.append(try Telos_Fleet_V1_Event(serializedBytes: data))
        }
        return events
      }
    } catch { throw Self.error(error, "read") }
  }

  /// The coordinator has everything through `sequence`.
  ///
  /// An acknowledgement for another epoch changes nothing. One beyond the last record, or with the hash of another record,
  /// means that this log is older than what the coordinator saw (a restored backup, say) and may have gone on differently: it
  /// throws `.conflict`, then ``startEpoch(why:)`` is due.
  ///
  /// - Parameter hash: SHA-256 of the record that the coordinator has under this number; empty where it says none.
  public func acknowledge(through sequence: UInt64, epoch: UInt64, hash: [UInt8] = [])
    async throws(TelosError)
  {
    try await transact { [bounds] db, state in
      guard epoch == state.epoch else { return }
      guard sequence <= state.last else {
        throw TelosError(
          .conflict, "the coordinator has record \(sequence), but this log ends at \(state.last)")
      }
      if !hash.isEmpty, let own = try state.hash(of: sequence, db), own != hash {
        throw TelosError(.conflict, "the coordinator has another record \(sequence)")
      }
      guard sequence > state.acknowledged else { return }
      try state.acknowledge(sequence, db)
      try state.trim(to: bounds.kept, db)
      if state.spooled < bounds.spool { try state.tellLost(db) }
    }
    changed.notify()
  }

  /// The same, for a thread of its own that may block until the disk has it.
  @discardableResult
  public func appendBlocking(_ events: [Telos_Fleet_V1_Event]) throws(TelosError) -> [UInt64] {
    if events.isEmpty { return [] }
    let sequences: [UInt64]
    do {
      sequences = try queue.writeWithoutTransaction { db in
        try commit(db) { db, state in try Self.store(events, bounds, db, &state) }
      }
    } catch { throw Self.error(error, "write") }
    changed.notify()
    return sequences
  }

  private static func store(
    _ events: [Telos_Fleet_V1_Event], _ bounds: Bounds, _ db: Database, _ state: inout LogState
  ) throws -> [UInt64] {
    var sequences: [UInt64] = []
    for event in events {
      let limit = bounds.spool + (event.eventKind == .slammed ? bounds.spool / 8 : 0)
      if state.spooled >= limit {
        state.lost += max(1, event.count)
        sequences.append(0)
        continue
      }
      try state.tellLost(db)
      try state.store(event, db)
      sequences.append(state.last)
    }
    return sequences
  }

  func transact<T: Sendable>(
    _ body: @escaping @Sendable (Database, inout LogState) throws -> T
  ) async throws(TelosError) -> T {
    do {
      return try await queue.writeWithoutTransaction { [self] db in try commit(db, body) }
    } catch { throw Self.error(error, "write") }
  }

  /// One transaction, on the log's own queue; the state in memory follows only what was committed.
  private func commit<T>(_ db: Database, _ body: (Database, inout LogState) throws -> T) throws -> T
  {
    var next = state.withLock { $0 }
    var result: T?
    try db.inTransaction(.immediate) {
      result = try body(db, &next)
      try next.save(db)
      return .commit
    }
    state.withLock { $0 = next }
    guard let result else { throw TelosError(.internalError, "the log's transaction was lost") }
    return result
  }

  static func error(_ error: any Error, _ action: String) -> TelosError {
    if let error = error as? TelosError { return error }
    return TelosError(
      SetAside.meansDamage(error) ? .corrupt : .internalError,
      "cannot \(action) the event log: \(error)", hint: "check the disk of the data folder")
  }
}
