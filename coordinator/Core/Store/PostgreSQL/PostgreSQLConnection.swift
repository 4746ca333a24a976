internal import CLibpq
internal import FoundationEssentials
internal import Glibc
internal import TelosCore

/// A session of PostgreSQL. It is used by one thread at a time, and every call waits for the server.
///
/// Unchecked: ``PostgreSQLPool`` hands a session to one thread and takes it back afterwards.
final class PostgreSQLConnection: StoreConnection, @unchecked Sendable {
  private let session: OpaquePointer
  /// Names of prepared statements, by their text.
  private var prepared: [String: String] = [:]

  /// Calls the server, at most for the time that the connection string says.
  init(_ address: PostgreSQLAddress) throws {
    // What comes before dbname can be said otherwise in the connection string, what comes after it can not.
    var settings = [
      ("connect_timeout", "5"), ("keepalives", "1"), ("keepalives_idle", "10"),
      ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "15000"),
      ("application_name", "telos-coordinator"), ("dbname", address.connection),
      ("client_encoding", "UTF8"),
    ]
    if let password = try address.password() { settings.append(("password", password)) }
    guard
      let session = Self.withStrings(
        settings.map(\.0),
        { keys in
          Self.withStrings(settings.map(\.1)) { PQconnectdbParams(keys, $0, 1) }
        })
    else { throw TelosError(.internalError, "there is no memory for a connection to PostgreSQL") }
    self.session = session
    guard PQstatus(session) == CONNECTION_OK else {
      throw PostgreSQLFailure(state: "08001", words: words)
    }
    // Notices, such as of a table that is there already, are nothing to print.
    PQsetNoticeProcessor(session, { _, _ in }, nil)
    // A coordinator that stops in the middle of a transaction must not hold up the others for long, and a wait for one that
    // did ends, too.
    _ = try command("SET idle_in_transaction_session_timeout = '10s'")
    _ = try command("SET lock_timeout = '10s'")
    // What is acknowledged must be on the disk, whatever the database's own default is.
    _ = try command(
      """
      SELECT set_config('synchronous_commit', 'on', false)
      WHERE current_setting('synchronous_commit') = 'off'
      """)
    let encoding = PQparameterStatus(session, "server_encoding").map { String(cString: $0) }
    guard encoding == "UTF8" else {
      throw TelosError(
        .conflict, "the database does not keep text in UTF-8",
        hint: "make it with: CREATE DATABASE telos ENCODING 'UTF8' TEMPLATE template0")
    }
  }

  deinit { PQfinish(session) }

  /// Whether the session can be used on: it is connected, and outside of a transaction.
  var isIdle: Bool {
    PQstatus(session) == CONNECTION_OK && PQtransactionStatus(session) == PQTRANS_IDLE
  }

  /// A statement without parameters, not prepared.
  @discardableResult
  func command(_ sql: String) throws -> SQLAnswer {
    try answer(PQexecParams(session, sql, 0, nil, nil, nil, nil, 1))
  }

  func run(_ sql: String, _ values: [SQLValue]) throws -> SQLAnswer {
    let name = try prepare(sql)
    let encoded = values.map(\.binary)
    // One buffer holds all parameters; a pointer into it for each.
    let bytes = encoded.reduce(into: [UInt8]()) { $0 += $1 ?? [] } + [0]
    return try bytes.withUnsafeBytes { buffer in
      var offset = 0
      let pointers: [UnsafePointer<CChar>?] = encoded.map { value in
        guard let value else { return nil }
        defer { offset += value.count }
        return buffer.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self)
      }
      return try answer(
        PQexecPrepared(
          session, name, Int32(values.count), pointers, encoded.map { Int32($0?.count ?? 0) },
          [Int32](repeating: 1, count: values.count), 1))
    }
  }

  private func prepare(_ sql: String) throws -> String {
    if let name = prepared[sql] { return name }
    let name = "s\(prepared.count)"
    // PostgreSQL writes parameters as $1, and finds their types by itself.
    _ = try answer(
      PQprepare(session, name, sql.replacing("?", with: "$"), 0, nil))
    prepared[sql] = name
    return name
  }

  private func answer(_ result: OpaquePointer?) throws -> SQLAnswer {
    defer { PQclear(result) }
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK:
      return SQLAnswer(changed: Int(String(cString: PQcmdTuples(result))) ?? 0)
    case PGRES_TUPLES_OK:
      return try PostgreSQLRows.read(result)
    default:
      let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
      throw PostgreSQLFailure(state: state ?? "", words: words)
    }
  }

  /// What libpq says went wrong, in one line. It holds no password.
  private var words: String {
    String(cString: PQerrorMessage(session)).split(whereSeparator: \.isNewline)
      .joined(separator: " ")
  }

  /// Runs `body` with C strings and the null pointer behind them.
  private static func withStrings<T>(
    _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> T
  ) -> T {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) } + [nil])
  }
}

/// A statement that failed, by its SQLSTATE; empty if the connection broke.
struct PostgreSQLFailure: EngineFailure {
  var state: String
  var words: String

  /// A serialization failure or a deadlock: the transaction did nothing, and may do it when it is run again.
  ///
  /// So are two coordinators that make the tables at once, which collide in PostgreSQL's own catalogue.
  var isConflict: Bool {
    ["40001", "40P01", "42P07"].contains(state) || state == "23505" && words.contains("pg_")
  }

  /// The session ended, or the server does: the next session may be to another server.
  var isLoss: Bool {
    state.isEmpty || state.hasPrefix("08") || state.hasPrefix("57P") || state == "25P03"
  }

  var endsTransaction: Bool { isConflict || isLoss }

  var telosError: TelosError {
    switch state {
    case "22021", "22P05":
      TelosError(.invalidArgument, "the text holds a character that the store cannot keep")
    case "25006":
      TelosError(
        .unavailable, "this PostgreSQL takes no writes",
        hint: "add target_session_attrs=read-write to the connection string")
    case "53100": TelosError(.unavailable, "the disk of PostgreSQL is full", hint: "free space")
    case "55P03": TelosError(.unavailable, "another coordinator holds the store for too long")
    case "08001":
      TelosError(
        .unavailable, "PostgreSQL cannot be reached: \(words)",
        hint: "see `store` in coordinator.yaml")
    case "42501", "28000", "28P01": TelosError(.unavailable, "PostgreSQL refuses: \(words)")
    case _ where isLoss: TelosError(.unavailable, "the connection to PostgreSQL broke: \(words)")
    case _ where isConflict:
      TelosError(.unavailable, "the store is too busy: the transaction lost to others every time")
    default: TelosError(.internalError, "the store failed: \(words) (\(state))")
    }
  }
}
