internal import TelosCore

/// Body of `POST /v1/run`.
struct RunRequest: Codable, Sendable {
  var intent: String
  /// Absent: the intent's own.
  var ttlSeconds: UInt64?
  var argv: [String]
  var cwd: String
  /// Only what resolving paths needs; the environment may hold secrets, and none of them leaves this process.
  var env: [String: String]

  static let environmentNames = ["PATH", "TMPDIR", "HOME"]
}

/// Answer of `POST /v1/run`.
struct RunGrant: Codable, Sendable {
  var agent: String
  /// High and low half, decimal.
  var cookie: [String]
  var tmpdir: String?
  var stdio: String?
  var executable: String?

  var halves: (high: UInt, low: UInt)? {
    guard cookie.count == 2, let high = UInt(cookie[0]), let low = UInt(cookie[1]) else {
      return nil
    }
    return (high, low)
  }
}
