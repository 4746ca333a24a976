internal import AddressSets
internal import Intents
internal import TelosAPI
internal import TelosCore

extension Suggestion {
  /// The intent as YAML, with comments; nil when nothing was executed that can be approved.
  ///
  /// Sorted, without a date: the same recording gives the same text.
  var yaml: String? {
    let allow = programLines
    guard !allow.isEmpty else { return nil }
    var lines = headLines
    lines += ["apiVersion: telos/v1", "kind: Intent"]
    lines.append("metadata: {name: \(name)\(Self.labels(base?.labels.pairs))}")
    lines.append("spec:")
    if let nodes = base?.nodes.labels.pairs, !nodes.isEmpty {
      lines.append("  nodes: {\(Self.labels(nodes).dropFirst(2))}")
    }
    lines += ["  mode: enforce", "  ttl: \(base?.ttl ?? Span(seconds: 3600))"]
    lines += ["  exec:", "    allow:"] + allow
    lines += list("    own:", ownEntries)
    if jit {
      lines.append(
        "    jit: true # it made machine code in memory: exec.allow says no longer which code runs")
    } else if base?.exec.jit == true {
      lines.append("    jit: true" + Self.unseen)
    }
    lines += networkLines + fileLines
    let unix = PathSet((base?.unix ?? []).map { "\($0)" }).union(sockets)
    if !unix.isEmpty {
      lines.append("  unix:")
      lines += list("    allow:", unix.sorted().map { (Self.quoted($0), sockets.contains($0)) })
    }
    lines.append("  stdio: \((base?.stdio ?? .untilTaint).rawValue)")
    return lines.joined(separator: "\n") + "\n"
  }

  private var headLines: [String] {
    let agents = Set(recording.events.compactMap(\.agent)).sorted()
    var lines = [
      "Suggested by `telos intent suggest` from what \(agents.count == 1 ? "agent" : "agents") \(agents.joined(separator: ", ")) did"
        + (base.map { " under \($0.name)." } ?? "."),
      "It says what the run did, not what it should be allowed: read it before it is signed.",
      "Programs and files are named as they were found, links followed.",
    ]
    if destinations.values.contains(where: { $0.tcp.contains(53) || $0.udp.contains(53) }) {
      lines += [
        "It looked names up. Addresses change: write host: NAME in place of the cidr entries that are somebody's name, and",
        "leave out the entries for port 53, because the node answers then.",
      ]
    }
    if !incomplete.isEmpty {
      lines += ["", "INCOMPLETE:"] + incomplete.map { "- \($0)" }
    }
    let missing = ungranted
    if !missing.isEmpty {
      lines += ["", "Not granted:"]
      lines += missing.map {
        "- \($0.what): \($0.why)" + ($0.count > 1 ? " (\($0.count) times)" : "")
          + ($0.wasRefused ? "; refused in the run too" : "")
      }
    }
    if !contacts.isEmpty {
      lines += ["", "Sensitive, and met by the run; it stays sensitive:"]
      lines += contacts.sorted().map { "- \($0)" }
    }
    return lines.map { $0.isEmpty ? "#" : "# \($0.printable)" }
  }

  private var programLines: [String] {
    programs.sorted().map { path in
      let old = base?.exec.allow.first { !$0.path.isGlob && $0.path.matches(path) }
      let many = base?.exec.allow.contains { $0.multicall && $0.path.matches(path) } ?? false
      return
        "      - {path: \(Self.quoted(PathPattern.escaped(path)))\(old?.sha256.map { ", sha256: \($0)" } ?? "")"
        + "\(old?.fsverity.map { ", fsverity: \($0)" } ?? "")"
        + "\(many ? ", multicall: true" : "")\(old?.optional == true ? ", optional: true" : "")}"
    }
  }

  private var ownEntries: [(String, Bool)] {
    let old = PathSet((base?.exec.own ?? []).map(\.anchor))
    let new = PathSet(
      own.filter { one in !old.contains(one) && !old.contains { PathPattern.isBelow(one, $0) } })
    return old.union(new).sorted().map {
      (Self.quoted("\(PathPattern.escaped($0))/**"), new.contains($0))
    }
  }

  private var networkLines: [String] {
    let old = base?.network ?? Intent.Network()
    var allow = old.allow.map { (Self.entry($0), false) }
    for (address, ports) in destinations.sorted(by: { $0.key < $1.key }) {
      let both = ports.tcp.intersection(ports.udp)
      for (ports, names) in [
        (both, "tcp, udp"), (ports.tcp.subtracting(both), "tcp"),
        (ports.udp.subtracting(both), "udp"),
      ] where !ports.isEmpty {
        let ranges = PortRange.normalised(ports.map { PortRange(first: $0, last: $0) })
        let text = ranges.map { "\($0)" }.joined(separator: ", ")
        allow.append(
          (
            "{cidr: \(Self.quoted("\(IPPrefix(address))")), ports: [\(text)], protocols: [\(names)]}",
            true
          ))
      }
    }
    let lines =
      list("    allow:", allow)
      + list(
        "    reachableWhileTainted:", old.reachableWhileTainted.map { (Self.entry($0), false) })
      + list("    sensitive:", old.sensitive.map { (Self.entry($0), false) }, mark: false)
      + list(
        "    listen:",
        (ownLoopback || old.ownLoopback ? [("{own: true}", ownLoopback)] : [])
          + old.listen.map { (Self.entry($0), false) })
      + list("    ask:", old.ask.map { (Self.entry($0), false) })
    return lines.isEmpty ? ["  # no network"] : ["  network:"] + lines
  }

  private var fileLines: [String] {
    let sensitive = (base?.files.sensitive ?? []).map {
      (
        "{path: \(Self.quoted("\($0.path)")), level: \($0.level.rawValue)\($0.optional ? ", optional: true" : "")}",
        false
      )
    }
    var lines = list("    sensitive:", sensitive, mark: false)
    let old = base?.files.write
    if old == nil, base != nil, folders.isEmpty, files.isEmpty {
      lines.append("    # write is absent: the working directory and a private TMPDIR")
    } else {
      let kept = PathSet((old ?? []).map { "\($0)" })
      let new = PathSet(
        folders.filter { one in
          !(old ?? []).contains {
            $0.form != .literal && ($0.matches(one) || BytePath($0.anchor) == BytePath(one))
          }
        }.map { "\(PathPattern.escaped($0))/**" }
          + files.filter { one in !(old ?? []).contains { $0.matches(one) } }
          .map(PathPattern.escaped))
      let optional = PathSet((base?.files.optionalWrites ?? []).map { "\($0)" })
      let roots = kept.union(new).sorted().map { root in
        let text = Self.quoted(root)
        return (
          optional.contains(root) ? "{path: \(text), optional: true}" : text, new.contains(root)
        )
      }
      lines += roots.isEmpty ? ["    write: []"] : list("    write:", roots)
      switch base?.files.whileTainted ?? .none {
      case .none: break
      case .all: lines.append("    whileTainted: all" + Self.unseen)
      case .roots(let kept):
        lines += list("    whileTainted:", kept.map { (Self.quoted("\($0)"), false) })
      }
    }
    return ["  files:"] + lines
  }

  /// Entries that the run did not show to be needed say where they come from.
  private func list(_ key: String, _ entries: [(String, Bool)], mark: Bool = true) -> [String] {
    guard !entries.isEmpty else { return [] }
    return [key]
      + entries.map { text, isSeen in
        "      - \(text)"
          + (isSeen || !mark ? "" : Self.unseen)
      }
  }

  private static let unseen =
    " # from the audited intent; whether the run needs it is not recorded"

  private static func entry(_ entry: Intent.Listener) -> String {
    var parts = [written(entry.ports)]
    if let peers = entry.peers { parts.append("cidr: \(quoted("\(peers)"))") }
    parts.append(written(entry.protocols))
    return "{\(parts.joined(separator: ", "))}"
  }

  private static func entry(_ entry: Intent.Question) -> String {
    "{host: \(entry.host), \(written(entry.ports)), \(written(entry.protocols)), "
      + "decider: \(entry.decider.rawValue), maxTTL: \(entry.maxTTL)}"
  }

  private static func written(_ ports: [PortRange]) -> String {
    "ports: [\(ports.map { "\($0)" }.joined(separator: ", "))]"
  }

  private static func written(_ protocols: Set<Intent.TransportProtocol>) -> String {
    "protocols: [\(protocols.map(\.rawValue).sorted().joined(separator: ", "))]"
  }

  private static func entry(_ entry: Intent.Destination) -> String {
    var parts =
      switch entry.target {
      case .cidr(let prefix): ["cidr: \(quoted("\(prefix)"))"]
      case .host(let host): ["host: \(host.isWildcard ? quoted("\(host)") : "\(host)")"]
      }
    if let ports = entry.ports { parts.append(written(ports)) }
    parts.append(written(entry.protocols))
    if let ttl = entry.ttl { parts.append("ttl: \(ttl)") }
    if entry.isPrivate { parts.append("private: true") }
    return "{\(parts.joined(separator: ", "))}"
  }

  private static func labels(_ labels: [(String, String)]?) -> String {
    guard let labels, !labels.isEmpty else { return "" }
    let text = labels.map { "\(quoted($0)): \(quoted($1))" }.joined(separator: ", ")
    return ", labels: {\(text)}"
  }

  /// Plain where YAML cannot mistake it, else as JSON has it.
  static func quoted(_ text: String) -> String {
    let isPlain =
      text.utf8.first == UInt8(ascii: "/")
      && text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte & 0xdf) || "/._+-".utf8.contains(byte)
      }
    let isAddress =
      text.utf8.count { $0 == UInt8(ascii: ".") } == 3
      && text.utf8.allSatisfy { (48...57).contains($0) || "./".utf8.contains($0) }
    if isPlain || isAddress { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted.append("\\") }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }
}

extension [String: String] {
  fileprivate var pairs: [(String, String)] {
    sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
