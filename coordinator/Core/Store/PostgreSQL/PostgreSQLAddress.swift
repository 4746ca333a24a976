internal import CLibpq
internal import FoundationEssentials
public import TelosCore

/// Which database, and as whom: a connection string of libpq, without a password.
public struct PostgreSQLAddress: Sendable, Hashable {
  /// As in `host=db.example.org dbname=telos user=telos sslmode=verify-full`, `service=telos` or a URI.
  public var connection: String
  /// A file that holds the password and nothing else. Without one libpq looks where it always does (PGPASSFILE, ~/.pgpass).
  public var passwordFile: String?

  /// - Throws: `invalidArgument` for what libpq does not take, and for a password: it would be seen by whoever sees the
  ///   configuration.
  public init(_ connection: String, passwordFile: String? = nil) throws(TelosError) {
    var words: UnsafeMutablePointer<CChar>?
    let options = PQconninfoParse(connection, &words)
    defer {
      PQconninfoFree(options)
      PQfreemem(words)
    }
    guard let options else {
      let why = words.map { String(cString: $0).filter { !$0.isNewline } } ?? "no memory"
      throw TelosError(
        .invalidArgument, "this is no connection string of PostgreSQL: \(why)",
        hint: "write it as host=db.example.org dbname=telos user=telos sslmode=verify-full")
    }
    var option = options
    while let keyword = option.pointee.keyword {
      if String(cString: keyword) == "password", option.pointee.val != nil {
        throw TelosError(
          .invalidArgument, "the connection string holds a password",
          hint: "write it into a file of mode 0600 and name that: passwordFile")
      }
      option += 1
    }
    self.connection = connection
    self.passwordFile = passwordFile
  }

  /// Read anew for each connection, so that it can be changed.
  func password() throws(TelosError) -> String? {
    guard let passwordFile else { return nil }
    let bytes = try DurableFile.read(passwordFile, limit: 4096)
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}
