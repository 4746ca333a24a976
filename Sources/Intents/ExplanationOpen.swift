internal import AddressSets

/// What an intent leaves open, so that a mistake of it shows.
extension Intent {
  func openText(_ machine: Surroundings) -> String? {
    var lines = ["it may read every file that its user may read; only the files above taint it"]
    if mode == .audit {
      lines.append("everything: mode audit refuses nothing but what the guard does")
    }
    lines += outwards + programs + writing(machine) + sensitivity
    lines += warnings.map { "\($0.path.replacing("spec.", with: "")): \($0.message)" }
    lines.append("libraries of the system may be mapped and run by what is approved")
    return Self.section("What this leaves open", lines)
  }

  private var outwards: [String] {
    var lines: [String] = []
    if !network.allow.isEmpty {
      lines.append(
        "until a slam, what it reads can leave through the destinations above, and through whoever shares their addresses"
      )
    }
    for entry in network.allow where entry.isPrivate {
      lines.append(
        "private: whoever answers for \(entry.target) chooses which private address it reaches, on those ports"
      )
    }
    if !network.ask.isEmpty {
      lines.append(
        "network.ask: each question tells whoever decides that the agent wants this, and a yes opens it until its end"
      )
    }
    if !network.hasNames,
      network.allow.contains(where: {
        ($0.ports ?? [.all]).contains { $0.first <= 53 && 53 <= $0.last }
      })
    {
      lines.append("port 53: the names that it asks for carry data to whoever answers for them")
    }
    if !network.reachableWhileTainted.isEmpty {
      lines.append("network.reachableWhileTainted: a slam does not stop what goes there")
    }
    if !network.listen.isEmpty {
      lines.append(
        "whoever comes to its ports can tell it what to do, and until a slam is told what it read")
    }
    if !unix.isEmpty {
      lines.append(
        "until a slam, whoever serves the local sockets above is told what it read, and does for it what they do for others"
      )
    }
    if stdio == .allow {
      lines.append("stdio: allow: what it prints leaves it after a slam, too")
    }
    return lines
  }

  private var programs: [String] {
    var lines: [String] = []
    let interpreters = exec.allow.filter { Self.interprets($0.path.path) }
    if !interpreters.isEmpty {
      let names = interpreters.map { "\($0.path)" }.joined(separator: ", ")
      lines.append("\(names): whatever text it is given runs; the other gates still hold")
    }
    if !exec.own.isEmpty {
      lines.append("exec.own: what it writes or downloads there runs; the other gates still hold")
    }
    if exec.jit {
      lines.append(
        "exec.jit: what it reads or makes in memory can run there, so exec.allow still limits which files are started, not what code runs; the other gates still hold"
      )
    }
    return lines
  }

  private func writing(_ machine: Surroundings) -> [String] {
    var lines: [String] = []
    let roots = files.write ?? []
    let readable = roots.filter { machine.isReadable($0.anchor) == true }
    let kept = files.whileTainted.roots
    if files.write?.isEmpty != true {
      lines.append(
        "until a slam, programs outside the agent can read what it writes, and take it away")
    }
    if !readable.isEmpty {
      lines.append(
        "on this machine every user can read \(readable.map { "\($0)" }.joined(separator: ", "))")
    }
    switch files.whileTainted {
    case .none: break
    case .all:
      lines.append(
        "files.whileTainted: all: what it read can stand in every file that it may write, for whoever takes it away: a sync job, a git push of somebody else"
      )
    case .roots:
      lines.append(
        "files.whileTainted: what it read can stand in \(kept.map { "\($0)" }.joined(separator: ", ")): nobody outside may take anything from there"
      )
    }
    let open = kept.filter { machine.isReadable($0.anchor) == true }
    if !open.isEmpty {
      lines.append(
        "on this machine every user can read \(open.map { "\($0)" }.joined(separator: ", ")), which stays writable after a slam"
      )
    }
    return lines
  }

  private var sensitivity: [String] {
    var lines: [String] = []
    if files.sensitive.isEmpty && network.sensitive.isEmpty {
      lines.append("nothing is sensitive: no slam will ever happen")
    } else {
      let usual = [
        ("keys of SSH", "/home/somebody/.ssh/id_ed25519"),
        ("the keys of root", "/root/.ssh/id_ed25519"),
        ("/etc/shadow", "/etc/shadow"),
        ("keys of cloud accounts", "/home/somebody/.aws/credentials"),
      ]
      let missing = usual.filter { one in !files.sensitive.contains { $0.path.matches(one.1) } }
      if !missing.isEmpty {
        lines.append("not sensitive here: \(missing.map(\.0).joined(separator: ", "))")
      }
    }
    if files.sensitive.contains(where: { $0.level == .warn }) {
      lines.append("files of level warn: their content can leave through the destinations above")
    }
    if files.sensitive.contains(where: \.optional) {
      lines.append(
        "optional entries of files.sensitive: where the folder is made only later, its files taint no agent that runs by then"
      )
    }
    let metadata = try? IPAddress("169.254.169.254")
    let reaches = network.allow.contains { window in
      guard case .cidr(let prefix) = window.target, let metadata else { return false }
      return prefix.contains(metadata)
    }
    let guards = network.sensitive.contains { window in
      guard case .cidr(let prefix) = window.target, let metadata else { return false }
      return prefix.contains(metadata)
    }
    if reaches && !guards {
      lines.append(
        "169.254.169.254, where clouds hand out credentials, can be reached and is not sensitive")
    }
    return lines
  }

  /// What may be left out on a node, and what of it this machine does not have.
  func missingText(_ machine: Surroundings) -> String? {
    func here(_ path: String) -> String {
      machine.isThere(path) == false ? ": not there on this machine" : ""
    }
    var lines = exec.allow.filter { $0.optional && !$0.path.isGlob }.map {
      "\($0.path)\(here($0.path.path))"
    }
    lines += exec.allow.filter(\.path.isGlob).map { "\($0.path), where it matches nothing" }
    lines += (files.write ?? []).filter(files.optionalWrites.contains).map {
      "\($0), among what it may write\(here($0.anchor))"
    }
    lines += files.sensitive.filter(\.optional).map { one in
      let folder =
        one.path.form == .literal ? PathPattern.folder(of: one.path.anchor) : one.path.anchor
      return "\(one.path), among what is sensitive\(here(folder))"
    }
    return Self.section("A node that does not have these leaves them out, and says so once", lines)
  }
}
