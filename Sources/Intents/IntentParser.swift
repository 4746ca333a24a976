internal import TelosCore

/// Reads intents as people write them.
public enum IntentParser {
  /// Reads one YAML document.
  ///
  /// - Throws: every problem found, each with its line and what to write instead.
  public static func parse(_ text: String) throws(IntentProblems) -> Intent {
    try check(text).intent
  }

  /// Reads one YAML document, and says what is allowed in it but should be looked at twice.
  ///
  /// - Parameter objection: to the name of a host, without `*.`: what it looks like, and what to write if that is meant.
  public static func check(
    _ text: String,
    objection: (_ name: String) -> (message: String, suggestion: String)? = { _ in nil }
  ) throws(IntentProblems) -> (intent: Intent, warnings: [IntentProblem]) {
    let (intent, reader) = try read(try YAMLTree.read(text))
    let warnings = (intent.warnings + intent.network.doubts(objection)).map { warning in
      let place = reader.places[warning.path] ?? (0, 0)
      var placed = warning
      (placed.line, placed.column) = place
      return placed
    }
    return (intent, warnings)
  }

  static func read(_ tree: Tree) throws(IntentProblems) -> (Intent, TreeReader) {
    var reader = TreeReader()
    let intent = reader.intent(tree)
    if let intent {
      let known = intent.conflicts.filter { !reader.hasProblem(below: $0.scope) }
      for conflict in known {
        reader.problem(at: conflict.path, conflict.message, conflict.suggestion)
      }
    }
    guard let intent, reader.problems.isEmpty else {
      throw IntentProblems(
        reader.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
    }
    return (intent, reader)
  }
}

extension TreeReader {
  func hasProblem(below scopes: [String]) -> Bool {
    problems.contains { problem in scopes.contains { problem.path.hasPrefix($0) } }
  }

  /// Nil only where there is nothing to check further.
  mutating func intent(_ tree: Tree) -> Intent? {
    let document = Value(tree: tree, path: "")
    let top = fields(document, ["apiVersion", "kind", "metadata", "spec"])
    guard case .map = tree.content else { return nil }
    expect("apiVersion", "telos/v1", top, document)
    expect("kind", "Intent", top, document)

    var intent = Intent(name: "", exec: Intent.Exec(allow: []))
    if let metadata = top["metadata"] {
      let fields = fields(metadata, ["name", "labels"])
      if fields["name"] == nil { missing("name", in: metadata, "write name: read-logs") }
      intent.name = parsed(fields["name"], IntentNames.name) ?? ""
      intent.labels = labels(fields["labels"])
    } else {
      missing("metadata", in: document, "write metadata: {name: NAME}")
    }
    guard let spec = top["spec"] else {
      missing("spec", in: document, "write spec: with at least exec.allow")
      return intent
    }
    read(spec, into: &intent)
    return intent
  }

  private mutating func expect(
    _ key: String, _ wanted: String, _ top: [String: Value], _ document: Value
  ) {
    guard let value = top[key] else {
      return missing(key, in: document, "write \(key): \(wanted)")
    }
    guard let text = text(value) else { return }
    if text != wanted {
      problem(value, "\(Quote(text)) is not understood", "write \(key): \(wanted)")
    }
  }

  private mutating func read(_ spec: Value, into intent: inout Intent) {
    let fields = fields(
      spec, ["nodes", "mode", "ttl", "exec", "network", "files", "unix", "stdio", "agents"],
      optional: ["network"],
      reserved: ["host": "the node's own packet filter is not part of an intent"])
    if let nodes = fields["nodes"] {
      intent.nodes = LabelSelector(labels(self.fields(nodes, ["labels"])["labels"]))
    }
    intent.mode = choice(fields["mode"], of: Intent.Mode.self) ?? .enforce
    intent.ttl = parsed(fields["ttl"]) { text throws(TelosError) in try Span(text) } ?? intent.ttl
    if let exec = fields["exec"] {
      intent.exec = self.exec(exec)
    } else {
      missing("exec", in: spec, "write exec: {allow: [{path: /usr/bin/cat}]}")
    }
    intent.network = network(fields["network"], within: intent.ttl)
    intent.files = files(fields["files"])
    if let unix = fields["unix"] {
      let allow = self.fields(unix, ["allow"])["allow"]
      for item in items(allow) {
        let name = parsed(item) { text throws(TelosError) in try UnixName(text) }
        if let name { intent.unix.append(name) }
      }
    }
    intent.stdio = choice(fields["stdio"], of: Intent.Stdio.self) ?? .untilTaint
    intent.agents = agents(fields["agents"])
  }

  mutating func labels(_ value: Value?) -> Labels {
    guard let value else { return [:] }
    guard case .map(let entries) = value.tree.content else {
      problem(value, "expected labels", "write KEY: VALUE, or {KEY: VALUE, …}")
      return [:]
    }
    var labels: Labels = [:]
    for entry in entries {
      let item = Value(tree: entry.value, path: "\(value.path).\(entry.key)")
      let label = parsed(item) { text throws(TelosError) in
        try IntentNames.label(entry.key, text)
      }
      if let label { labels[entry.key] = label }
    }
    return labels
  }
}

/// The words that an intent may use for itself and for labels.
enum IntentNames {
  static func name(_ text: String) throws(TelosError) -> String {
    let bytes = Array(text.utf8)
    let good = bytes.allSatisfy {
      isLower($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
    }
    guard (1...63).contains(bytes.count), good, let first = bytes.first, isLower(first),
      let last = bytes.last, isLower(last)
    else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not a name",
        hint: "write 1 to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit")
    }
    return text
  }

  /// Checks key and value; returns the value.
  static func label(_ key: String, _ text: String) throws(TelosError) -> String {
    guard (1...63).contains(key.utf8.count), key.utf8.allSatisfy(isLabel) else {
      throw TelosError(
        .invalidArgument, "\(Quote(key)) is not the key of a label",
        hint: "write 1 to 63 of A-Z, a-z, 0-9, -, _, . and /")
    }
    guard text.utf8.count <= 63, text.utf8.allSatisfy(isLabel) else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not the value of a label",
        hint: "write at most 63 of A-Z, a-z, 0-9, -, _, . and /")
    }
    return text
  }

  private static func isLower(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
  }

  private static func isLabel(_ byte: UInt8) -> Bool {
    isLower(byte) || (0x41...0x5a).contains(byte) || "-_./".utf8.contains(byte)
  }
}
