internal import CLibpq
internal import FoundationEssentials
public import TelosCore

/// Which database, and as whom: a connection string of libpq, without a password.
public struct PostgreSQLAddress: Sendable, Hashable {
  /// As in `host=db.example.org dbname=telos user=telos sslrootcert=/etc/telos/db-ca.pem`, `service=telos` or a URI.
  public var connection: String
  /// A file that holds the password and nothing else. Without one libpq looks where it always does (PGPASSFILE, ~/.pgpass).
  public var passwordFile: String?
  /// Whether TLS is asked for unless the connection string says otherwise: not for sockets and loopback.
  let isRemote: Bool

  /// - Parameter allowPlaintext: permits an `sslmode` that does without TLS to a server on another machine.
  /// - Throws: `invalidArgument` for what libpq does not take; for a password, which would be seen by whoever sees the
  ///   configuration; and for an address that lets another machine be talked to in plain text.
  public init(
    _ connection: String, passwordFile: String? = nil, allowPlaintext: Bool = false
  ) throws(TelosError) {
    let options = try PostgreSQLOptions(connection)
    guard !options.holdsSecret else {
      throw TelosError(
        .invalidArgument, "the connection string holds a password",
        hint: "write it into a file of mode 0600 and name that: passwordFile. A client's key "
          + "(sslkey) has to be without one")
    }
    guard [nil, "read-write", "primary"].contains(options["target_session_attrs"]) else {
      throw TelosError(
        .invalidArgument, "this target_session_attrs admits servers that take no writes",
        hint: "leave it out, or write target_session_attrs=read-write")
    }
    isRemote = !options.isLocal
    if isRemote, let mode = options["sslmode"], ["disable", "allow", "prefer"].contains(mode),
      !allowPlaintext
    {
      throw TelosError(
        .invalidArgument,
        "sslmode=\(mode) lets passwords and events cross the network without TLS",
        hint: "write sslmode=verify-full and sslrootcert=FILE; if the way to the server is "
          + "protected by other means, add allowPlaintext: true beside the connection string")
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

  /// Everything for libpq but the password, in order: of a setting that comes twice the later one counts.
  var settings: [(String, String)] {
    var settings = [
      ("connect_timeout", "5"), ("keepalives", "1"), ("keepalives_idle", "10"),
      ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "15000"),
      ("application_name", "telos-coordinator"),
      // A standby takes no writes, and shows readers what is no longer so.
      ("target_session_attrs", "read-write"),
    ]
    if isRemote { settings.append(("sslmode", "verify-full")) }
    // What comes before dbname can be said otherwise in the connection string, what comes after it cannot.
    return settings + [("dbname", connection), ("client_encoding", "UTF8")]
  }
}
