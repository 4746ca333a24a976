internal import EventLog
internal import FoundationEssentials
internal import GRDB
internal import Glibc
public import TelosCore

/// `node.sqlite`: the objects a node holds, its agents, and the provenance of files. Every write is synced.
public final class NodeDatabase: Sendable {
  /// Set when this opening found a damaged database, moved it aside and began an empty one.
  public let damage: Damage?

  public struct Damage: Sendable, Hashable {
    public var why: String
    /// Where the damaged file is now.
    public var path: String
  }

  let queue: DatabaseQueue

  private init(_ queue: DatabaseQueue, _ damage: Damage?) {
    self.queue = queue
    self.damage = damage
  }

  /// Opens or creates the database; a damaged one is moved aside under a name with the time, never emptied in place.
  public static func open(_ path: String) throws(TelosError) -> NodeDatabase {
    do {
      return NodeDatabase(try connect(path), nil)
    } catch {
      guard SetAside.meansDamage(error) else { throw Self.error(error) }
      let damage = Damage(
        why: (error as? TelosError)?.message ?? "\(error)", path: try SetAside.move(path))
      do { return NodeDatabase(try connect(path), damage) } catch { throw Self.error(error) }
    }
  }

  private static func connect(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.busyMode = .immediateError
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA cell_size_check = ON")
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    chmod(path, 0o600)
    try NodeSchema.migrator.migrate(queue)
    try queue.read { db in
      let check = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)")
      guard check == "ok" else {
        throw TelosError(.corrupt, "SQLite finds \(path) damaged: \(check ?? "no answer")")
      }
      // What integrity_check cannot see: a flipped byte inside a value. Payloads have digests.
      for object in try HeldObject.all(db) { try object.checkWhole() }
    }
    return queue
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
    async throws(TelosError) -> T
  {
    do { return try await queue.read(body) } catch { throw Self.error(error) }
  }

  func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
    async throws(TelosError) -> T
  {
    do { return try await queue.write(body) } catch { throw Self.error(error) }
  }

  static func error(_ error: any Error) -> TelosError {
    if let error = error as? TelosError { return error }
    return TelosError(
      SetAside.meansDamage(error) ? .corrupt : .internalError, "the node's database: \(error)",
      hint: "check the disk of the data folder")
  }
}
