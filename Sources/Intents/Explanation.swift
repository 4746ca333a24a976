internal import TelosCore

extension Intent {
  /// What the intent lets an agent do, what stops it, and what stays open: text for people, several lines.
  public var explanation: String { explanation { _ in [] } }

  /// The same.
  ///
  /// - Parameter applets: the programs that a multi-call binary is, by its path, where that can be told; else empty.
  public func explanation(applets: (String) -> [String]) -> String {
    ([heading, agentsText, execText, multicallText(applets)] + networkTexts + filesTexts
      + [localText, slamText, openText])
      .compactMap(\.self).joined(separator: "\n")
  }

  private var heading: String {
    let where_ =
      nodes.labels.isEmpty
      ? "every node" : "nodes with " + Self.pairs(nodes.labels)
    let mode_ =
      mode == .enforce
      ? "the kernel refuses what is not allowed below"
      : "AUDIT: what is not allowed below is reported and goes through"
    return """
      Intent \(name)\(labels.isEmpty ? "" : " (\(Self.pairs(labels)))")
        on \(where_); for \(ttl) from the agent's start, then it may do nothing new
        \(mode_)

      """
  }

  private var agentsText: String? {
    let labels = agents.labels.isEmpty ? [] : ["containers with \(Self.pairs(agents.labels))"]
    return Self.section(
      "Its agents, besides those of telos run, from their first program on",
      agents.units.map { "the unit \($0), in \($0.cgroup)" }
        + agents.cgroups.map { "the cgroup \($0), and what is below" } + labels)
  }

  private var execText: String? {
    var lines = exec.allow.map { one in
      "\(one.path)" + (one.path.isGlob ? " (what matches when the agent starts)" : "")
        + (one.sha256.map { " with the content sha256:\("\($0)".prefix(12))…" } ?? "")
        + (one.fsverity.map { " with the fs-verity digest \("\($0)".prefix(12))…" } ?? "")
    }
    lines += exec.own.map { "what it wrote itself below \($0.anchor)" }
    if exec.jit { lines.append("machine code that its programs make in memory (exec.jit)") }
    return Self.section("It may run", lines)
  }

  private func multicallText(_ applets: (String) -> [String]) -> String? {
    let lines = exec.allow.filter(\.multicall).map { one in
      let names = one.path.isGlob ? [] : applets(one.path.description)
      return names.isEmpty
        ? "\(one.path): which ones it does not say here; BusyBox has a shell, wget, nc and telnet, editors, mount and more"
        : "\(one.path), as it is on this machine, \(names.count): \(names.joined(separator: " "))"
    }
    return Self.section("One binary that is many programs; approving one approves all", lines)
  }

  private var networkTexts: [String?] {
    let windows = network.allow.map { window in
      "\(window.text)" + (window.ttl.map { ", for \($0) from its start" } ?? "")
    }
    return [
      Self.section("It may reach", windows, none: "nothing: no destination is allowed"),
      Self.section("Contact with these slams, and is refused", network.sensitive.map(\.text)),
      Self.section("Others may come to it", network.listen.map(\.text)),
    ]
  }

  private var filesTexts: [String?] {
    let roots =
      files.write.map { $0.map { "\($0)" } }
      ?? ["what is below its working directory", "what is below a private TMPDIR"]
    let critical = files.sensitive.filter { $0.level == .critical }.map { "\($0.path)" }
    let warn = files.sensitive.filter { $0.level == .warn }.map { "\($0.path)" }
    return [
      Self.section("It may write", roots, none: "nothing"),
      Self.section("Reading these slams", critical),
      Self.section("Reading these taints, which is reported", warn),
    ]
  }

  private var localText: String? {
    Self.section(
      "It may connect to these local sockets, besides other agents and the node's own",
      unix.map { "\($0)" })
  }

  private var slamText: String? {
    let still = network.reachableWhileTainted.map(\.text)
    let stdio_ =
      switch stdio {
      case .allow: "its standard output stays open: what it prints can carry what it read"
      case .untilTaint: "its standard output and error are refused as well"
      case .deny: "its standard input, output and error are refused from the start"
      }
    return Self.section(
      "A slam means",
      [
        "nothing it sends leaves the machine any more, on connections already open as well",
        still.isEmpty
          ? "no destination stays reachable" : "still reachable: \(still.joined(separator: "; "))",
        stdio_,
        "its child processes, and agents that shared data with it, are slammed with it",
      ])
  }

  private var openText: String? {
    var lines = [
      "it may read every file that its user may read; only the files above taint it"
    ]
    if !network.allow.isEmpty {
      lines.append(
        "until a slam, what it reads can leave through the destinations above, and through whoever shares their addresses"
      )
    }
    if !network.listen.isEmpty {
      lines.append(
        "whoever comes to its ports can tell it what to do, and until a slam is told what it read")
    }
    let interpreters = exec.allow.filter { Self.interprets($0.path.description) }
    if !interpreters.isEmpty {
      let names = interpreters.map { "\($0.path)" }.joined(separator: ", ")
      lines.append("\(names): whatever text it is given runs; the other gates still hold")
    }
    if exec.jit {
      lines.append(
        "exec.jit: what it reads or makes in memory can run there, so exec.allow still limits which files are started, not what code runs; the other gates still hold"
      )
    }
    if files.sensitive.isEmpty && network.sensitive.isEmpty {
      lines.append("nothing is sensitive: no slam will ever happen")
    }
    if files.sensitive.contains(where: { $0.level == .warn }) {
      lines.append("files of level warn: their content can leave through the destinations above")
    }
    lines.append("programs outside the agent can read what it writes")
    lines.append("libraries of the system may be mapped and run by what is approved")
    return Self.section("What this leaves open", lines)
  }

  /// Whether the file name is that of a common interpreter or shell.
  static func interprets(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let known = [
      "sh", "bash", "dash", "zsh", "ksh", "python", "perl", "ruby", "node", "php", "lua", "awk",
      "gawk", "mawk", "tclsh", "java", "make",
    ]
    let stem = name.prefix { $0.isLetter }
    let isAll = name == "*" && (path.hasSuffix("bin/*") || path == "/*")
    return isAll || known.contains(String(stem))
  }

  private static func pairs(_ labels: [String: String]) -> String {
    labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
  }

  /// - Parameter none: the line for an empty list; nil leaves the section out.
  private static func section(_ title: String, _ lines: [String], none: String? = nil) -> String? {
    let body = lines.isEmpty ? [none].compactMap(\.self) : lines
    return body.isEmpty ? nil : "\(title)\n" + body.map { "  - \($0)\n" }.joined()
  }
}

extension Intent.Destination {
  /// As `203.0.113.0/24, tcp ports 80, 443`.
  var text: String { "\(target), \(protocols.text(with: ports))" }
}

extension Intent.Listener {
  /// As `tcp port 8080, from 10.0.0.0/8`.
  var text: String {
    let sends =
      protocols.contains(.udp) ? "; over udp it may send there from these ports unasked" : ""
    return "\(protocols.text(with: ports)), from \(peers.map { "\($0)" } ?? "everybody")\(sends)"
  }
}

extension Set<Intent.TransportProtocol> {
  /// As `tcp ports 80, 443`.
  fileprivate func text(with ports: [PortRange]?) -> String {
    let names = map(\.rawValue).sorted().joined(separator: " and ")
    guard let ports else { return names }
    if ports == [.all] { return "every \(names) port" }
    let list = ports.map { "\($0)" }.joined(separator: ", ")
    let single = ports.count == 1 && ports[0].first == ports[0].last
    return "\(names) \(single ? "port" : "ports") \(list)"
  }
}
