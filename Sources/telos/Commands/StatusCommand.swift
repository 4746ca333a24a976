internal import ArgumentParser
internal import TelosAPI
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
        let bytes = try await Coordinator.with { try await $0.get(CoordinatorRoute.status.path()) }
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
        let bytes = try socket.get(NodeRoute.status.path())
        document["node"] = try JSONDocument(parsing: bytes)
        if !output.json {
          let node = try JSONInput.decode(NodeStatus.self, from: bytes, what: "the node's answer")
          if document["coordinator"] != nil { Terminal.line() }
          for line in StatusText.lines(node) { Terminal.line(line) }
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
    if let root = status.root {
      lines += field("root", "version \(root.version), expires \(root.expires)")
    } else {
      lines += field("root", "none yet: telos key root, then telos key apply")
    }
    for problem in status.problems ?? [] { lines += field("problem", problem) }
    for line in lines { Terminal.line(line) }
    guard !status.objects.isEmpty else { return }
    Terminal.line()
    var table = Table("KIND", "NAME", "VERSION>", "SHA256")
    for object in status.objects {
      table.add(
        object.kind, object.name.isEmpty ? "-" : object.name, "\(object.version)", object.digest)
    }
    table.print(empty: "")
  }

  /// A node: what is wrong comes first, figures last.
  static func lines(_ node: NodeStatus) -> [String] {
    var lines = ["Node \(node.node.printable)"]
    lines += field("mode", node.mode.rawValue)
    lines += field("ready", node.ready ? "yes" : "no")
    lines += field("xdp", node.xdp)
    lines += section("problems", node.problems)
    lines += section("gates", node.gates.map(words))
    lines += field("version", node.version)
    lines += field("kernel", node.kernel)
    lines += field("boot", node.bootID)
    lines += field("coordinator", node.coordinator ?? "not connected", column: 16)
    lines += field("certificate", "expires \(node.certificateExpires)", column: 16)
    lines += field("agents", "\(node.agents)")
    lines += section("held", node.held.map(words))
    lines += section("interfaces", node.interfaces.map(words))
    lines += section("maps", node.maps.map(words))
    guard !node.counters.isEmpty else { return lines }
    lines.append("  counters")
    for (name, value) in node.counters.sorted(by: { $0.key < $1.key }) {
      lines += field(name.printable, "\(value)", indent: 4, column: 30)
    }
    return lines
  }

  private static func section(_ title: String, _ entries: [String]) -> [String] {
    entries.isEmpty ? [] : ["  \(title)"] + entries.flatMap { field("", $0, column: 4) }
  }

  private static func words(_ gate: NodeGate) -> String {
    "\(gate.gate): \(gate.enforced ? "enforced" : "NOT ENFORCED")\(inBrackets(gate.why))"
  }

  private static func words(_ object: ObjectName) -> String {
    "\(object.title) version \(object.version) sha256 \(object.digest.prefix(16))…"
  }

  private static func words(_ interface: NodeStatus.Interface) -> String {
    "\(interface.name): \(interface.mode)\(inBrackets(interface.why))"
  }

  private static func words(_ map: NodeStatus.Map) -> String {
    let change = map.configured.map { " (\($0) in node.yaml: takes effect after the next boot)" }
    return "\(map.name): \(map.used) of \(map.capacity)\(change ?? "")"
  }

  private static func inBrackets(_ why: String) -> String { why.isEmpty ? "" : " (\(why))" }
}
