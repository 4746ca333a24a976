internal import EventLog
internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import SQLiteFiles
internal import Synchronization
public import TelosCore

/// `node.sqlite` and its twin: the objects a node holds, its agents, and the provenance of files. Every write is synced, and
/// made in both files, so that damage to one of them loses nothing.
public final class NodeDatabase: Sendable {
  /// Set when this opening found a damaged file and moved it aside.
  public let damage: Damage?
  /// Set where a newer version of Telos wrote the files: this is a copy of them in memory then, and nothing is accepted.
  public let newer: TelosError?

  public struct Damage: Sendable, Hashable {
    public var why: String
    /// Where the damaged file is now.
    public var path: String
    /// Whether the twin was damaged too, so that this database began empty.
    public var isLost: Bool
  }

  /// The one that is read.
  let queue: DatabaseQueue
  private let twin: DatabaseQueue
  private let lag = Mutex<String?>(nil)
  private let order = Turn()

  init(
    _ queue: DatabaseQueue, _ twin: DatabaseQueue, damage: Damage? = nil, newer: TelosError? = nil
  ) {
    self.queue = queue
    self.twin = twin
    self.damage = damage
    self.newer = newer
  }

  /// Why the twin lacks something that the database has; nil when it does not.
  public var twinProblem: String? { lag.withLock { $0 } }

  /// Where the twin of a database is.
  public static func twin(of path: String) -> String { "\(path).twin" }

  /// Opens or creates both files. A damaged one is moved aside under a name with the time, never emptied in place, and made
  /// anew from the other.
  ///
  /// What a newer version of Telos wrote is left as it is, and copied into memory as far as it can be read.
  public static func open(_ path: String) throws(TelosError) -> NodeDatabase {
    let other = twin(of: path)
    let first = inspect(path), second = inspect(other)
    var damage: Damage?
    switch (first, second) {
    case (.newer(let error), .newer), (.newer(let error), .absent), (.newer(let error), .unusable):
      return try copyOfNewer(path, error)
    case (.absent, .newer(let error)), (.unusable, .newer(let error)):
      return try copyOfNewer(other, error)
    case (.whole, .newer(let error)):
      damage = try setAside(other, error)
      try copy(path, to: other)
    case (.newer(let error), .whole):
      damage = try setAside(path, error)
      try copy(other, to: path)
    case (.whole(let mine), .whole(let theirs)):
      // Unless a crash came between the two writes of one change.
      if mine != theirs { try mine > theirs ? copy(path, to: other) : copy(other, to: path) }
    case (.whole, .unusable(let error)):
      damage = try setAside(other, error)
      try copy(path, to: other)
    case (.unusable(let error), .whole):
      damage = try setAside(path, error)
      try copy(other, to: path)
    case (.whole, .absent): try copy(path, to: other)
    case (.absent, .whole): try copy(other, to: path)
    case (.unusable(let error), _):
      guard SetAside.meansDamage(error) else { throw Self.error(error) }
      damage = try setAside(path, error)
      damage?.isLost = true
      if case .unusable(let error) = second { _ = try setAside(other, error) }
    case (.absent, .unusable(let error)):
      guard SetAside.meansDamage(error) else { throw Self.error(error) }
      damage = try setAside(other, error)
      damage?.isLost = true
    case (.absent, .absent): break
    }
    do { return NodeDatabase(try connect(path), try connect(other), damage: damage) } catch {
      throw Self.error(error)
    }
  }

  private enum Found {
    case absent
    /// With the number of writes it has seen.
    case whole(Int64)
    case unusable(any Error)
    /// Its migrations are not all known here. Beside a whole twin that is damage, too.
    case newer(TelosError)
  }

  /// Beside a twin that is whole, any answer of SQLite's but those of the disk means damage: the same build reads both. A file
  /// that is there, and that SQLite takes for one that it cannot write to, has a header that says so.
  private static func setAside(_ path: String, _ error: any Error) throws(TelosError) -> Damage {
    let disk: [ResultCode] = [
      .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_NOMEM, .SQLITE_BUSY,
      .SQLITE_LOCKED,
    ]
    if let error = error as? DatabaseError,
      disk.contains(error.resultCode)
        || error.resultCode == .SQLITE_READONLY && access(path, W_OK) != 0
    {
      throw Self.error(error)
    }
    return Damage(
      why: (error as? TelosError)?.message ?? "\(error)", path: try SetAside.move(path),
      isLost: false)
  }

  private static func inspect(_ path: String) -> Found {
    guard access(path, F_OK) == 0 else { return .absent }
    do {
      let queue = try connect(path)
      defer { try? queue.close() }
      return .whole(
        try queue.read { db in
          let check = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)")
          guard check == "ok" else {
            throw TelosError(.corrupt, "SQLite finds \(path) damaged: \(check ?? "no answer")")
          }
          // What integrity_check cannot see: a flipped byte inside a value.
          try RowChecksum.check(db)
          for object in try HeldObject.all(db) { try object.checkWhole() }
          return try Int64.fetchOne(db, sql: "SELECT value FROM mark WHERE name = 'writes'") ?? 0
        })
    } catch let error as TelosError where error.code == .conflict {
      return .newer(error)
    } catch { return .unusable(error) }
  }

  /// A new file beside, then in its place: never a half one.
  private static func copy(_ source: String, to target: String) throws(TelosError) {
    let new = "\(target).new"
    unlink(new)
    do {
      let queue = try connect(source)
      defer { try? queue.close() }
      try queue.vacuum(into: new)
    } catch { throw Self.error(error) }
    chmod(new, 0o600)
    for suffix in ["-wal", "-shm"] { unlink(target + suffix) }
    guard rename(new, target) == 0 else {
      throw TelosError(
        .internalError, "cannot recreate \(target): \(String(cString: strerror(errno)))")
    }
  }

  private static func connect(_ path: String) throws -> DatabaseQueue {
    try DatabaseFile.open(
      path, NodeSchema.migrator, functions: [RowChecksum.function], of: "telos-node")
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
    async throws(TelosError) -> T
  {
    do { return try await queue.read(body) } catch { throw Self.error(error) }
  }

  /// - Parameter body: runs twice, once in each file, and may depend on nothing else.
  func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
    async throws(TelosError) -> T
  {
    await order.take()
    defer { order.give() }
    @Sendable func counted(_ db: Database) throws -> T {
      let result = try body(db)
      try db.execute(
        sql:
          "INSERT INTO mark VALUES ('writes', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
      )
      return result
    }
    do {
      let result = try await queue.write(counted)
      // The first file has it, and the next start makes the twin like it.
      do {
        _ = try await twin.write(counted)
      } catch { lag.withLock { $0 = "\(error)" } }
      return result
    } catch { throw Self.error(error) }
  }

  /// Puts everything into the files themselves.
  func checkpoint() async throws(TelosError) {
    for queue in [queue, twin] {
      do { try await queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } } catch {
        throw Self.error(error)
      }
    }
  }

  static func error(_ error: any Error) -> TelosError {
    if let error = error as? TelosError { return error }
    return TelosError(
      SetAside.meansDamage(error) ? .corrupt : .internalError, "the node's database: \(error)",
      hint: "check the disk of the data folder")
  }
}
