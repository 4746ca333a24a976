internal import TelosCore

/// Body of `POST /v1/run`: what the node needs to know, and nothing of what the arguments and the environment hold.
struct RunRequest: Sendable {
  var intent: String
  /// Absent: the intent's own.
  var ttlSeconds: UInt64?
  /// The path of the program alone.
  var argv: [String]
  var cwd: String

  /// As JSON, written by hand: see ``RunWords``.
  var body: [UInt8] {
    var members = [
      "\"argv\":[\(argv.map(Self.quoted).joined(separator: ","))]", "\"cwd\":\(Self.quoted(cwd))",
      "\"intent\":\(Self.quoted(intent))",
    ]
    if let ttlSeconds { members.append("\"ttlSeconds\":\(ttlSeconds)") }
    return Array("{\(members.joined(separator: ","))}".utf8)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        quoted.append("\\")
        quoted.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
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
