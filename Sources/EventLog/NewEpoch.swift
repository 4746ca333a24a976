internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import SwiftProtobuf
public import TelosCore

extension EventLog {
  /// Sets a copy of the log aside and numbers what is not acknowledged anew, in a new epoch that begins by saying why.
  ///
  /// For a log that turned out to be older than what the coordinator has seen: its next numbers were used already.
  public func startEpoch(why: String) async throws(TelosError) {
    let stamp = Date().rfc3339Milliseconds.filter { $0 != ":" && $0 != "-" }
    let copy = "\(queue.path).replaced-\(stamp)"
    // Whoever acknowledges what was never sent has a copy made each time.
    Self.removeCopies(of: queue.path, keeping: Self.copies - 1)
    do {
      try await queue.writeWithoutTransaction { db in
        try db.execute(sql: "VACUUM INTO ?", arguments: [copy])
      }
    } catch { throw Self.error(error, "copy") }
    let epoch = try await transact { db, state in
      let rows = try Row.fetchAll(
        db, sql: "SELECT bytes FROM record WHERE sequence > ? ORDER BY sequence",
        arguments: [Int64(state.acknowledged)])
      try db.execute(sql: "DELETE FROM record")
      let lost = state.lost
      state = LogState(node: state.node, epoch: EventLog.nextEpoch(after: state.epoch))
      state.lost = lost
      try state.store(
        .with {
          $0.eventKind = .node
          $0.reason = "log-replaced"
          $0.atUnixMs = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
          $0.count = 1
          $0.detail = "\(why); the old log is at \(copy)"
        }, db)
      for row in rows {
        var event = try Telos_Fleet_V1_Event(serializedBytes: row["bytes"] as Data)
        event.linkedSequence = 0  // numbered in the old epoch; kernelLinked still joins them
        try state.store(event, db)
      }
      return state.epoch
    }
    let folder = queue.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    try Self.writeEpoch(epoch, (folder + ["events.epoch"]).joined(separator: "/"))
    changed.notify()
  }

  /// Copies of replaced logs that are kept, the newest ones.
  public static let copies = 3

  private static func removeCopies(of path: String, keeping count: Int) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.dropLast().joined(separator: "/")
    let name = parts.last.map { "\($0).replaced-" } ?? ""
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    // Their names have the time in them.
    for old in all.filter({ $0.hasPrefix(name) }).sorted().dropLast(count) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(old)")
    }
  }
}
