internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import SQLiteFiles
internal import SwiftProtobuf
internal import Glibc
public import TelosCore

extension EventLog {
  /// Opens or creates the log in `folder` (`events.sqlite`) and verifies its whole chain.
  ///
  /// A damaged log is moved aside under a name with the time, a new epoch begins, and its first record says so.
  /// A log that cannot be opened for another reason (permissions, a full disk, a newer version of Telos wrote it) throws and
  /// is left alone.
  public static func open(folder: String, node: String, bounds: Bounds = Bounds())
    async throws(TelosError) -> EventLog
  {
    let path = "\(folder)/events.sqlite"
    let epochs = "\(folder)/events.epoch"
    let before = lastEpoch(epochs)
    var damage: Damage?
    do {
      let (queue, state) = try openDatabase(path)
      if let state, let before, before > state.epoch {
        throw TelosError(
          .corrupt, "the log has epoch \(state.epoch), but the last one was \(before)")
      }
      if let state {
        if before != state.epoch { try writeEpoch(state.epoch, epochs) }
        return EventLog(queue, bounds, state, nil)
      }
      if before != nil { damage = Damage(why: "the log was gone", path: nil) }
      return try await begin(queue, epochs, before, node, bounds, damage)
    } catch {
      guard SetAside.meansDamage(error) else { throw Self.error(error, "open") }
      let why = (error as? TelosError)?.message ?? "\(error)"
      damage = Damage(why: why, path: try SetAside.move(path))
    }
    do {
      let (queue, _) = try openDatabase(path)
      return try await begin(queue, epochs, before, node, bounds, damage)
    } catch { throw Self.error(error, "open") }
  }

  /// A log in memory, of an epoch of its own, for as long as the one on disk cannot be opened: what is uploaded from it is
  /// kept, and what is not ends with the process.
  ///
  /// - Parameter why: becomes its first record.
  public static func inMemory(folder: String, node: String, bounds: Bounds = Bounds(), why: String)
    async throws(TelosError) -> EventLog
  {
    do {
      let queue = try DatabaseQueue()
      try LogSchema.migrator.migrate(queue)
      let epoch = nextEpoch(after: lastEpoch("\(folder)/events.epoch") ?? 0)
      let log = EventLog(
        queue, bounds, LogState(node: node, epoch: epoch), Damage(why: why, path: nil))
      try await log.transact { _, _ in }
      try await log.noteDamage(why)
      return log
    } catch { throw Self.error(error, "open") }
  }

  private func noteDamage(_ detail: String) async throws(TelosError) {
    try await append([
      .with {
        $0.eventKind = .node
        $0.reason = "log-damaged"
        $0.atUnixMs = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        $0.count = 1
        $0.detail = detail
      }
    ])
  }

  private static func openDatabase(_ path: String) throws -> (DatabaseQueue, LogState?) {
    let queue = try DatabaseFile.open(path, LogSchema.migrator, of: "telos-node")
    let state = try queue.read { db in
      var state = try LogState(db)
      try state?.verify(db)
      return state
    }
    return (queue, state)
  }

  /// Starts an epoch in an empty database. Epochs only rise, also across a clock that was set back.
  private static func begin(
    _ queue: DatabaseQueue, _ epochs: String, _ before: UInt64?, _ node: String, _ bounds: Bounds,
    _ damage: Damage?
  ) async throws(TelosError) -> EventLog {
    let epoch = nextEpoch(after: before ?? 0)
    let log = EventLog(queue, bounds, LogState(node: node, epoch: epoch), damage)
    try await log.transact { _, _ in }
    try writeEpoch(epoch, epochs)
    if let damage {
      try await log.noteDamage(
        damage.path.map { "\(damage.why); the old log is at \($0)" } ?? damage.why)
    }
    return log
  }

  static func nextEpoch(after last: UInt64) -> UInt64 {
    max(UInt64(max(1, Date().timeIntervalSince1970)), last + 1)
  }

  /// The number with its digest, so that a damaged one is not taken for a later epoch, whose log would be missing.
  static func writeEpoch(_ epoch: UInt64, _ path: String) throws(TelosError) {
    try DurableFile.write(Array("\(epoch) \(Digest(of: Array("\(epoch)".utf8)))\n".utf8), to: path)
  }

  private static func lastEpoch(_ path: String) -> UInt64? {
    guard let bytes = try? DurableFile.read(path, limit: 128) else { return nil }
    let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    // Earlier versions wrote the number alone.
    guard let number = words.first, words.count < 3,
      words.count == 1 || words[1] == "\(Digest(of: Array(number.utf8)))"
    else { return nil }
    return UInt64(number)
  }
}
