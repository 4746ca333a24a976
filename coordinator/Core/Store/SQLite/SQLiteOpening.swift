internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import SQLiteFiles
internal import TelosCore

extension Store {
  /// Opens the store at `path`, checks it and brings its schema up to date.
  ///
  /// A damaged store is renamed with the time, never emptied; then, or if there is none, opening is refused unless
  /// `createIfMissing`: an empty store knows no bans and no node.
  static func open(_ path: String, createIfMissing: Bool) throws -> (Store, Opening) {
    var opening = Opening.opened
    if access(path, F_OK) != 0 {
      guard createIfMissing else {
        throw TelosError(
          .notFound, "there is no store at \(path)",
          hint: "run telos-coordinator init, restore a backup, or start once with --new-store, "
            + "which knows no node and no ban")
      }
      opening = .created
    } else {
      do {
        return (try openChecked(path), .opened)
      } catch let error as DatabaseError where SetAside.meansDamage(error) {
        let aside = try SetAside.move(path)
        guard createIfMissing else {
          throw TelosError(
            .corrupt,
            "the store \(path) is damaged (\(error.message ?? "\(error.resultCode)")) and was set "
              + "aside as \(aside)",
            hint: "restore a backup to \(path), or start once with --new-store, which knows no "
              + "node and no ban")
        }
        opening = .replaced(setAside: aside)
      } catch let error as DatabaseError {
        throw error.telosError
      }
    }
    let mask = umask(0o077)
    defer { umask(mask) }
    do {
      return (try openChecked(path), opening)
    } catch let error as DatabaseError {
      throw error.telosError
    }
  }

  private static func openChecked(_ path: String) throws -> Store {
    var configuration = GRDB.Configuration()
    configuration.busyMode = .timeout(10)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { db in
      // FULL: what was acknowledged is on the disk, also after a power cut.
      try db.execute(
        sql: """
          PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000
          """)
    }
    let pool = try DatabasePool(path: path, configuration: configuration)
    do {
      try pool.writeWithoutTransaction { db in
        let check = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
        guard check == "ok" else {
          throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: check)
        }
      }
      try pool.write { try StoreSchema.migrate(SQLiteConnection(db: $0), .sqlite) }
    } catch {
      try? pool.close()
      throw error
    }
    return Store(engine: SQLiteEngine(pool: pool))
  }
}
