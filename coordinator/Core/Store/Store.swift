internal import FoundationEssentials
internal import Synchronization
internal import TelosCore

/// Everything that coordinators remember.
///
/// All SQL is in this folder, as small operations on rows of one ``StoreTransaction``; what is to be done with the rows is
/// decided by the rules in the other folders.
final class Store: Sendable {
  let engine: any StoreEngine
  /// Rings after every commit of this coordinator that changed a topic.
  let committed: Signal
  private let group: CommitGroup
  private let count: CommitCount

  init(engine: any StoreEngine) {
    let committed = Signal()
    let count = CommitCount()
    self.engine = engine
    self.committed = committed
    self.count = count
    group = CommitGroup { body in
      try await Self.transact(engine, committed, count, Date(), body)
    }
  }

  /// Transactions of this coordinator that were committed since it started, reading ones not counted.
  var commits: Int { count.value }

  /// Runs `body` on one consistent state, without writing. Writers are not kept waiting.
  func read<T: Sendable>(
    at now: Date = Date(), _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    try await engine.read { try body(StoreTransaction(connection: $0, now: now)) }
  }

  /// Runs `body` as one transaction with a revision of its own, durable when this returns. What `body` throws undoes
  /// everything.
  func transaction<T: Sendable>(
    at now: Date = Date(), _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    try await Self.transact(engine, committed, count, now, body)
  }

  /// The same together with others that come at about the same time, and in their order.
  ///
  /// - Parameters:
  ///   - haste: urgent is durable within 20 ms, calm within about four seconds.
  ///   - weight: how much work it is; a receipt, or an event, is one.
  func grouped<T: Sendable>(
    _ haste: @autoclosure () -> CommitGroup.Haste = .urgent, weight: Int = 1, at now: Date = Date(),
    _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    try await group.run(haste(), weight: weight, at: now, body)
  }

  /// Commits what was given to ``grouped(_:weight:at:_:)`` so far and waits for others.
  func hurry() { group.hurry() }

  /// A transaction of what nobody follows: it takes no revision, and so waits for no other one.
  func unordered(_ body: @escaping @Sendable (StoreTransaction) throws -> Void) async throws {
    try await engine.write { try body(StoreTransaction(connection: $0, now: Date())) }
    count.add()
  }

  /// Waits for what runs and lets go of the store.
  func close() throws { try engine.close() }

  private static func transact<T: Sendable>(
    _ engine: any StoreEngine, _ committed: Signal, _ count: CommitCount, _ now: Date,
    _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    let (value, hasChanged) = try await engine.write { connection in
      let store = StoreTransaction(connection: connection, now: now)
      // First, so that of two transactions one waits here, before it has done any work.
      let revision = try store.takeRevision()
      let value = try body(store)
      for topic in Topic.allCases where store.topics.contains(topic) {
        try store.put(revision, of: topic)
      }
      return (value, !store.topics.isEmpty)
    }
    count.add()
    if hasChanged { committed.notify() }
    return value
  }
}

private final class CommitCount: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}

extension Store {
  /// What was found where a store should be.
  enum Opening: Sendable, Equatable {
    /// A sound store, opened.
    case opened
    /// Nothing was there; an empty store was made, as asked for.
    case created
    /// A damaged store was moved to this path, an empty one made in its place, as asked for.
    case replaced(setAside: String)
  }

  /// Opens the store at a place that is named in full.
  static func open(_ place: Configuration.Store, createIfMissing: Bool) async throws
    -> (Store, Opening)
  {
    switch place {
    case .sqlite(let path): try open(path ?? "", createIfMissing: createIfMissing)
    case .postgresql(let address): try await open(address, createIfMissing: createIfMissing)
    }
  }
}

/// What a column may hold of an unsigned number: versions beyond it are refused where they come in.
extension UInt64 {
  static let maximumStored = UInt64(Int64.max)

  var stored: Int64 { Int64(clamping: self) }
}

extension Date {
  /// Milliseconds since 1970, as every column of a time has them.
  var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

  init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

/// Small JSON columns.
enum StoredJSON {
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func value<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw TelosError(.corrupt, "the store holds a damaged \(type)")
    }
  }
}
