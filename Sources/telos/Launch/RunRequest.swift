internal import TelosCore

/// Body of `POST /v1/run`: what the node needs to know, and nothing of what the arguments and the environment hold.
struct RunRequest: Codable, Sendable {
  var intent: String
  /// Absent: the intent's own.
  var ttlSeconds: UInt64?
  /// The path of the program alone.
  var argv: [String]
  var cwd: String
}

/// Answer of `POST /v1/run`.
struct RunGrant: Codable, Sendable {
  var agent: String
  /// High and low half, decimal.
  var cookie: [String]
  var tmpdir: String?
  var stdio: String?
  var executable: String?
  /// What of the intent this node left out, and why.
  var notes: [String]?

  var halves: (high: UInt, low: UInt)? {
    guard cookie.count == 2, let high = UInt(cookie[0]), let low = UInt(cookie[1]) else {
      return nil
    }
    return (high, low)
  }
}
