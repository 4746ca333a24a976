internal import ArgumentParser
internal import TelosCore

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the coordinator, and the local node if this machine is one.")

  @OptionGroup var output: OutputOptions

  func run() async throws {
    var document: [String: JSONDocument] = [:]
    var failures: [any Error] = []
    let socket = ControlSocket()
    // Without a home there is no configuration, and the node of this machine answers all the same.
    let isConfigured = (try? ConfigurationFolder.standard())?.exists == true
    if isConfigured || !socket.exists {
      do {
        let bytes = try await Coordinator.with { try await $0.get("/v1/status") }
        document["coordinator"] = try JSONDocument(parsing: bytes)
        if !output.json {
          let status = try JSONInput.decode(FleetStatus.self, from: bytes, what: "the status")
          StatusText.print(status, at: try Access.standard().coordinator)
        }
      } catch {
        failures.append(error)
      }
    }
    if socket.exists {
      do {
        let node = try JSONDocument(parsing: socket.get("/v1/status"))
        document["node"] = node
        if !output.json {
          if document["coordinator"] != nil { Terminal.line() }
          StatusText.print(node)
        }
      } catch {
        failures.append(error)
      }
    }
    if output.json && !document.isEmpty { try JSONOutput.print(document) }
    for failure in failures.dropLast() { _ = Entry.report(failure) }
    if let last = failures.last { throw last }
  }
}

/// `telos status` for people.
enum StatusText {
  static func print(_ status: FleetStatus, at address: String) {
    Terminal.line("Coordinator \(address), version \(status.version.printable)")
    let nodes = status.nodes
    var lines = field(
      "nodes",
      "\(nodes.known) known, \(nodes.connected) connected, \(nodes.enforcing) enforcing")
    lines += field("incidents", "\(status.incidents.open) open")
    if let version = status.root?.version, version > 0 {
      let expires = status.root?.expires.map { ", expires \($0)" } ?? ""
      lines += field("root", "version \(version)\(expires)")
    } else {
      lines += field("root", "none yet: telos key root, then telos key apply")
    }
    for line in lines { Terminal.line(line) }
    guard let objects = status.objects, !objects.isEmpty else { return }
    Terminal.line()
    var table = Table("KIND", "NAME", "VERSION>", "SHA256")
    for object in objects {
      table.add(
        object.kind, object.name.isEmpty ? "-" : object.name, "\(object.version)", object.digest)
    }
    table.print(empty: "")
  }

  /// The node's own answer: mode first, then everything else it says.
  static func print(_ node: JSONDocument) {
    for line in lines(node) { Terminal.line(line) }
  }

  static func lines(_ node: JSONDocument) -> [String] {
    guard case .object(var values) = node else { return [] }
    let name =
      values.removeValue(forKey: "name")?.words ?? values.removeValue(forKey: "node")?.words
    var lines = ["Node " + (name ?? "on this machine").printable]
    for key in ["mode", "ready", "xdp"] {
      if let value = values.removeValue(forKey: key) { lines += field(key, value.words) }
    }
    // What is wrong comes first, figures last.
    let order = ["problems": 0, "gates": 1, "maps": 3, "counters": 4]
    for key in values.keys.sorted(by: { (order[$0] ?? 2, $0) < (order[$1] ?? 2, $1) }) {
      guard let value = values[key] else { continue }
      lines += section(key, value)
    }
    return lines
  }

  private static func section(_ key: String, _ value: JSONDocument) -> [String] {
    switch value {
    case .array(let values) where !values.isEmpty:
      var lines = ["  \(key.printable)"]
      for value in values { lines += field("", inline(value), column: 4) }
      return lines
    case .object(let values) where !values.isEmpty:
      var lines = ["  \(key.printable)"]
      for name in values.keys.sorted() {
        lines += field(name.printable, values[name]?.words ?? "", indent: 4, column: 30)
      }
      return lines
    default: return field(key.printable, value.words, column: max(12, key.count + 4))
    }
  }

  /// One entry of an array in one line: gates, objects, or whatever comes.
  private static func inline(_ value: JSONDocument) -> String {
    let why = value["why"].map { $0.words.isEmpty ? "" : " (\($0.words))" } ?? ""
    if let gate = value["gate"]?.words, case .bool(let enforced)? = value["enforced"] {
      return "\(gate): \(enforced ? "enforced" : "NOT ENFORCED")\(why)"
    }
    if let kind = value["kind"]?.words, let version = value["version"]?.words {
      let name = value["name"]?.words ?? ""
      let digest = (value["digest"]?.words ?? "").prefix(16)
      return "\(kind)\(name.isEmpty ? "" : " " + name) version \(version) sha256 \(digest)…"
    }
    if let name = value["name"]?.words, let used = value["used"]?.words,
      let capacity = value["capacity"]?.words
    {
      let wanted = value["configured"]?.words ?? ""
      let change =
        wanted.isEmpty ? "" : " (\(wanted) in node.yaml: takes effect after the next boot)"
      return "\(name): \(used) of \(capacity)\(change)"
    }
    if let name = value["name"]?.words, let mode = value["mode"]?.words {
      return "\(name): \(mode)\(why)"
    }
    return value.words
  }
}
