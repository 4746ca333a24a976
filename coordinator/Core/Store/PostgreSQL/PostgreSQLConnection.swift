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
  private let warned = Warned()

  /// Whether the server sent a warning. libpq calls back on the thread that waits for the server.
  private final class Warned { var isTrue = false }

  /// Calls the server, at most for the time that the connection string says.
  init(_ address: PostgreSQLAddress) throws {
    var settings = address.settings
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
      throw PostgreSQLFailure(state: PostgreSQLFailure.unreachable, words: words)
    }
    // Notices, such as of a table that is there already, are nothing to print; warnings are kept.
    PQsetNoticeReceiver(
      session,
      { warned, result in
        let severity = PQresultErrorField(result, Int32(UInt8(ascii: "V")))
        guard let warned, let severity, String(cString: severity) == "WARNING" else { return }
        Unmanaged<Warned>.fromOpaque(warned).takeUnretainedValue().isTrue = true
      }, Unmanaged.passUnretained(warned).toOpaque())
    // A coordinator that stops in the middle of a transaction must not hold up the others for long, and a wait for one that
    // did ends, too.
    _ = try command("SET idle_in_transaction_session_timeout = '10s'")
    _ = try command("SET lock_timeout = '10s'")
    // What is acknowledged must be on the disk, and at the synchronous standby if there is one, whatever the database's own
    // default is.
    _ = try command(
      """
      SELECT set_config('synchronous_commit', 'on', false)
      WHERE current_setting('synchronous_commit') IN ('off', 'local')
      """)
    let encoding = PQparameterStatus(session, "server_encoding").map { String(cString: $0) }
    guard encoding == "UTF8" else {
      throw TelosError(
        .conflict, "the database does not keep text in UTF-8",
        hint: "make it with: CREATE DATABASE telos ENCODING 'UTF8' TEMPLATE template0")
    }
  }

  deinit { PQfinish(session) }

  /// Ends a transaction that wrote. A commit that the server answers with a warning counts as lost: it did not wait for the
  /// standby, because somebody cancelled the statement, and says so in no other way (syncrep.c).
  func commit() throws {
    warned.isTrue = false
    try command("COMMIT")
    if warned.isTrue {
      throw PostgreSQLFailure(
        state: "", words: "the wait for the synchronous standby was cancelled")
    }
  }

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
