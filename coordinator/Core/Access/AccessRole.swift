/// What a caller of the HTTP API may do; each role may do everything that the ones before it may.
enum AccessRole: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Reads everything that is no secret.
  case viewer
  /// Contains: blocks addresses and bans nodes, and gives nothing back.
  case responder
  /// Publishes, lets nodes in, and hands out tokens.
  case `operator`

  /// With its article, for messages.
  var words: String { self == .operator ? "an operator" : "a \(rawValue)" }

  static func < (left: AccessRole, right: AccessRole) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
