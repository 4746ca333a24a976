internal import TelosCore

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

  /// The session is of no more use, since it ended, or the server does, or the server takes no writes any more: the next
  /// session may be to another server.
  var isLoss: Bool {
    state.isEmpty || state.hasPrefix("08") || state.hasPrefix("57P") || state == "25P03"
      || state == Self.readOnly
  }

  static let readOnly = "25006"
  static let unreachable = "08001"

  var endsTransaction: Bool { isConflict || isLoss }

  var telosError: TelosError {
    switch state {
    case "22021", "22P05":
      TelosError(.invalidArgument, "the text holds a character that the store cannot keep")
    case Self.readOnly:
      TelosError(
        .unavailable, "this PostgreSQL takes no writes",
        hint: "name every server in the connection string as host=a,b; with "
          + "target_session_attrs=read-write, which is the default, the one that takes writes is used"
      )
    case "53100": TelosError(.unavailable, "the disk of PostgreSQL is full", hint: "free space")
    case "55P03": TelosError(.unavailable, "another coordinator holds the store for too long")
    case Self.unreachable:
      TelosError(
        .unavailable, "PostgreSQL cannot be reached: \(words)",
        hint: PostgreSQLAdvice.hint(for: words))
    case "42501", "28000", "28P01": TelosError(.unavailable, "PostgreSQL refuses: \(words)")
    case _ where isLoss: TelosError(.unavailable, "the connection to PostgreSQL broke: \(words)")
    case _ where isConflict:
      TelosError(.unavailable, "the store is too busy: the transaction lost to others every time")
    default: TelosError(.internalError, "the store failed: \(words) (\(state))")
    }
  }
}
