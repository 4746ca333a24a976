internal import FoundationEssentials
public import TelosCore

/// What the launcher asks for: an agent that is to become a program. Paths are bytes.
public struct RunRequest: Sendable, Hashable {
  public var intent: String
  /// At most the intent's own; nil for the intent's own.
  public var ttlSeconds: UInt64?
  /// The first is the program; the rest is looked at by nobody, and `telos run` sends none.
  public var argv: [BytePath]
  public var cwd: BytePath
  /// PATH counts, where the program is a name; the rest is looked at by nobody.
  public var env: [String: String]

  public init(
    intent: String, ttlSeconds: UInt64? = nil, argv: [BytePath], cwd: BytePath,
    env: [String: String] = [:]
  ) {
    self.intent = intent
    self.ttlSeconds = ttlSeconds
    self.argv = argv
    self.cwd = cwd
    self.env = env
  }

  /// Throws `invalid-argument` for what no process could be started with.
  public func check() throws(TelosError) {
    guard let command = argv.first, !command.isEmpty else {
      throw TelosError(.invalidArgument, "there is no command to run")
    }
    guard cwd.isAbsolute, cwd.bytes.count < 4096 else {
      throw TelosError(.invalidArgument, "the working directory is not an absolute path")
    }
    guard !(argv + [cwd, BytePath(intent)]).contains(where: { $0.bytes.contains(0) }) else {
      throw TelosError(.invalidArgument, "a string contains a NUL byte")
    }
    guard ttlSeconds.map({ $0 > 0 }) ?? true else {
      throw TelosError(
        .invalidArgument, "a TTL of no seconds", hint: "leave it out, or give 1 or more")
    }
  }
}

extension RunRequest: Decodable {
  /// `argv` and `cwd` are text, escaped where a path is not UTF-8; then `argvBytes` and `cwdBytes` have the bytes in base64.
  private enum Key: String, CodingKey {
    case intent, ttlSeconds, argv, argvBytes, cwd, cwdBytes, env
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    intent = try values.decode(String.self, forKey: .intent)
    ttlSeconds = try values.decodeIfPresent(UInt64.self, forKey: .ttlSeconds)
    let texts = try values.decode([String].self, forKey: .argv)
    let bytes = try values.decodeIfPresent([Data].self, forKey: .argvBytes)
    argv = bytes?.map { BytePath(bytes: $0) } ?? texts.map { BytePath($0) }
    let folder = try values.decode(String.self, forKey: .cwd)
    cwd =
      try values.decodeIfPresent(Data.self, forKey: .cwdBytes).map { BytePath(bytes: $0) }
      ?? BytePath(folder)
    env = try values.decodeIfPresent([String: String].self, forKey: .env) ?? [:]
  }

  /// The request as JSON, without `env`. Written by hand, since every start of an agent waits for it, and an encoder that asks the
  /// runtime for conformances takes longer than the rest of the launcher.
  public var json: [UInt8] {
    func list(_ words: [String]) -> String { "[\(words.joined(separator: ","))]" }
    var members = [
      "\"argv\":\(list(argv.map { Self.quoted($0.description) }))",
      "\"cwd\":\(Self.quoted(cwd.description))", "\"intent\":\(Self.quoted(intent))",
    ]
    if argv.contains(where: { $0.text == nil }) {
      members.append("\"argvBytes\":\(list(argv.map(Self.base64)))")
    }
    if cwd.text == nil { members.append("\"cwdBytes\":\(Self.base64(cwd))") }
    if let ttlSeconds { members.append("\"ttlSeconds\":\(ttlSeconds)") }
    return Array("{\(members.joined(separator: ","))}".utf8)
  }

  private static func base64(_ path: BytePath) -> String {
    "\"\(Data(path.bytes).base64EncodedString())\""
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

/// What the node grants: the launcher calls `prctl(TELOS_PRCTL, HIGH, LOW)` and executes.
public struct RunAnswer: Sendable, Hashable, Codable {
  public var agent: String
  /// High and low half, in decimal.
  public var cookie: [String]
  /// A private folder for temporary files; nil when the intent says where may be written.
  public var tmpdir: String?
  public var stdio: String
  /// The command, found on the caller's PATH in the caller's root; escaped where it is not UTF-8.
  public var executable: String
  /// What of the intent this node left out, and why; nil for nothing.
  public var notes: [String]?

  public init(
    agent: String, cookie: (high: UInt64, low: UInt64), tmpdir: String?, stdio: String,
    executable: String, notes: [String]? = nil
  ) {
    self.agent = agent
    self.cookie = ["\(cookie.high)", "\(cookie.low)"]
    self.tmpdir = tmpdir
    self.stdio = stdio
    self.executable = executable
    self.notes = notes
  }

  /// The cookie as prctl takes it; nil where it is not one.
  public var halves: (high: UInt, low: UInt)? {
    guard cookie.count == 2, let high = UInt(cookie[0]), let low = UInt(cookie[1]) else {
      return nil
    }
    return (high, low)
  }
}
