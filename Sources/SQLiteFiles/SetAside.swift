public import FoundationEssentials
public import TelosCore
internal import GRDB
internal import Glibc

/// Moves a damaged database out of the way under a name that says when, so that nothing is ever silently emptied.
public enum SetAside {
  /// Renames `path` with its `-wal` and `-shm` to `path.damaged-TIME`.
  ///
  /// - Returns: the new path of the database.
  public static func move(_ path: String, at time: Date = Date()) throws(TelosError) -> String {
    let stamp = time.rfc3339Milliseconds.filter { $0 != ":" && $0 != "-" }
    var target = "\(path).damaged-\(stamp)"
    var attempt = 1
    while access(target, F_OK) == 0 {
      attempt += 1
      target = "\(path).damaged-\(stamp)-\(attempt)"
    }
    for suffix in ["-wal", "-shm", ""] where access(path + suffix, F_OK) == 0 {
      guard rename(path + suffix, target + suffix) == 0 else {
        throw TelosError(
          .corrupt, "cannot set \(path + suffix) aside: \(String(cString: strerror(errno)))",
          hint: "the database is damaged; move it away yourself and start again")
      }
    }
    return target
  }

  /// Whether SQLite's answer means that the file is damaged, rather than busy, unreadable, on a full disk, or written by
  /// another version of Telos.
  public static func meansDamage(_ error: any Error) -> Bool {
    if let error = error as? TelosError { return error.code == .corrupt }
    guard let error = error as? DatabaseError else { return false }
    return error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
  }
}
