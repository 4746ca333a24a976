public import GRDB
internal import Glibc
internal import TelosCore

/// A database in a file of its own, of which every write is on the disk before it is acknowledged.
public enum DatabaseFile {
  /// Opens or makes the file, readable by its owner alone, and brings its tables up to date.
  ///
  /// - Parameter functions: what its tables call.
  /// - Throws: `conflict` when a newer version of Telos wrote it, which is left as it is; SQLite's own errors.
  public static func open(
    _ path: String, _ migrator: DatabaseMigrator, functions: [DatabaseFunction] = [],
    of program: String
  ) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.busyMode = .immediateError
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA cell_size_check = ON")
      for function in functions { db.add(function: function) }
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    chmod(path, 0o600)
    guard try queue.read(migrator.hasBeenSuperseded) == false else {
      throw TelosError(
        .conflict, "\(path) was written by a newer \(program)",
        hint: "install that version or a later one; what the kernel holds stays enforced")
    }
    try migrator.migrate(queue)
    return queue
  }
}
