internal import FoundationEssentials
internal import Glibc
internal import TelosCore

/// What an administrator does with a whole store. Each answers how many rows each table has.
public enum StoreOperations {
  public struct Count: Sendable, Hashable {
    public var table: String
    public var rows: Int
  }

  /// Moves the store from SQLite to the PostgreSQL that the configuration names. The file stays as it is.
  ///
  /// - Parameter path: the file; nil for the one in the data folder.
  /// - Throws: `conflict` if a coordinator uses the data folder, or if the database has a store already.
  public static func migrate(_ configuration: Configuration, from path: String?) async throws
    -> [Count]
  {
    guard case .postgresql = configuration.store else {
      throw TelosError(
        .invalidArgument, "the configuration names no PostgreSQL to move to",
        hint: "write into coordinator.yaml: store: {postgresql: \"host=… dbname=… user=…\"}")
    }
    let folder = DataFolder(path: configuration.data)
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    let source = path ?? folder.store
    // Brings its tables up to date.
    try Store.open(source, createIfMissing: false).0.close()
    return try await StoreCopy(source: .sqlite(source), destination: configuration.store).run()
  }

  /// Copies the store into a new file, also while coordinators use it: one state that there was.
  ///
  /// Keys and certificates are not in the store; they are files of the data folder.
  public static func backUp(_ configuration: Configuration, to path: String) async throws -> [Count]
  {
    let source = DataFolder(path: configuration.data).place(of: configuration.store)
    return try await StoreCopy(source: source, destination: .sqlite(path)).run()
  }

  /// Makes the configured store of a backup. There must be none yet.
  public static func restore(_ configuration: Configuration, from path: String) async throws
    -> [Count]
  {
    let folder = DataFolder(path: configuration.data)
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    // A copy of the backup, since an older one has to be brought up to date first.
    let copy = "\(configuration.data)/restoring.sqlite"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) } }
    do {
      try? FileManager.default.removeItem(atPath: copy)
      try FileManager.default.copyItem(atPath: path, toPath: copy)
    } catch {
      throw TelosError(.notFound, "the backup \(path) cannot be copied to \(copy): \(error)")
    }
    chmod(copy, 0o600)
    try Store.open(copy, createIfMissing: false).0.close()
    return try await StoreCopy(
      source: .sqlite(copy), destination: folder.place(of: configuration.store)
    ).run()
  }
}
