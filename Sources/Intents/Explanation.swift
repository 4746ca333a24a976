internal import TelosCore

/// What can be told of the machine on which an explanation is read. It need not be a node's, so it says nothing by itself.
public struct Surroundings: Sendable {
  /// The programs that a multi-call binary is, by its path; empty where that cannot be told.
  public var applets: @Sendable (String) -> [String] = { _ in [] }
  /// Whether a path is there; nil where that cannot be told.
  public var isThere: @Sendable (String) -> Bool? = { _ in nil }
  /// Whether users other than the owner and its group may read a folder or file; nil where that cannot be told.
  public var isReadable: @Sendable (String) -> Bool? = { _ in nil }

  public init() {}
}

extension Intent {
  /// What the intent lets an agent do, what stops it, and what stays open: text for people, several lines.
  public var explanation: String { explanation(on: Surroundings()) }

  /// The same, with what can be told of this machine.
  public func explanation(on machine: Surroundings) -> String {
    ([heading, agentsText, execText, multicallText(machine.applets)] + networkTexts + filesTexts
      + [localText, missingText(machine), slamText, openText(machine)])
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
        + (one.optional ? ", if it is there" : "")
    }
    lines += exec.own.map { "what it wrote itself below \($0.anchor)" }
    if exec.jit { lines.append("machine code that its programs make in memory (exec.jit)") }
    return Self.section("It may run", lines)
  }

  private func multicallText(_ applets: (String) -> [String]) -> String? {
    let lines = exec.allow.filter(\.multicall).map { one in
      let names = one.path.isGlob ? [] : applets(one.path.path)
      return names.isEmpty
        ? "\(one.path): which ones it does not say here; BusyBox has a shell, wget, nc and telnet, editors, mount and more"
        : "\(one.path), as it is on this machine, \(names.count): \(names.joined(separator: " "))"
    }
    return Self.section("One binary that is many programs; approving one approves all", lines)
  }

  private var filesTexts: [String?] {
    let roots =
      files.write.map {
        $0.map { "\($0)" + (files.optionalWrites.contains($0) ? ", if it is there" : "") }
      }
      ?? ["what is below its working directory", "what is below a private TMPDIR"]
    func names(_ level: SensitiveFile.Level) -> [String] {
      files.sensitive.filter { $0.level == level }.map {
        "\($0.path)" + ($0.optional ? ", if its folder is there" : "")
      }
    }
    let critical = names(.critical)
    let warn = names(.warn)
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
    let still = network.reachableWhileTainted.map { one in
      one.text + (one.host == nil ? "" : ", whose addresses the node looks up ahead")
    }
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
        writingAfterSlam,
        stdio_,
        "its child processes, and agents that shared data with it, are slammed with it",
      ])
  }

  private var writingAfterSlam: String {
    switch files.whileTainted {
    case .none:
      "nothing that it may write is written any more, but its private TMPDIR and memory of its own"
    case .all: "what it may write it still writes"
    case .roots(let roots):
      "still written: \(roots.map { "\($0)" }.joined(separator: ", ")), and its private TMPDIR"
    }
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
  static func section(_ title: String, _ lines: [String], none: String? = nil) -> String? {
    let body = lines.isEmpty ? [none].compactMap(\.self) : lines
    return body.isEmpty ? nil : "\(title)\n" + body.map { "  - \($0)\n" }.joined()
  }
}
