internal import AddressSets

/// Something that is wrong between values that are each right.
struct IntentConflict {
  var path: String
  var message: String
  var suggestion: String
  /// The parts it compares; it says nothing of use while one of them could not be read.
  var scope: [String]
}

extension Intent {
  var conflicts: [IntentConflict] {
    duplicates + reachability + network.hostConflicts + ownership + keeping + placement
  }

  private var duplicates: [IntentConflict] {
    func twice<T: Hashable>(_ values: [T], _ path: (Int) -> String, _ what: String)
      -> [IntentConflict]
    {
      var first: [T: Int] = [:]
      return values.indices.compactMap { index in
        guard let earlier = first[values[index]] else {
          first[values[index]] = index
          return nil
        }
        return IntentConflict(
          path: path(index), message: "\(what) is listed twice: \(path(earlier)) has it already",
          suggestion: "remove one of the two", scope: [])
      }
    }
    return twice(exec.allow.map(\.path), { "spec.exec.allow[\($0)]" }, "the path")
      + twice(exec.own, { "spec.exec.own[\($0)]" }, "the folder")
      + twice(files.sensitive.map(\.path), { "spec.files.sensitive[\($0)]" }, "the path")
      + twice(files.write ?? [], { "spec.files.write[\($0)]" }, "the path")
      + twice(
        files.whileTainted.roots, { "spec.files.whileTainted[\($0)]" }, "the path")
      + twice(unix, { "spec.unix.allow[\($0)]" }, "the socket")
      + twice(network.allow, { "spec.network.allow[\($0)]" }, "the destination")
      + twice(
        network.reachableWhileTainted, { "spec.network.reachableWhileTainted[\($0)]" },
        "the destination")
      + twice(network.sensitive, { "spec.network.sensitive[\($0)]" }, "the destination")
      + twice(network.ask, { "spec.network.ask[\($0)]" }, "the question")
      + twice(agents.units, { "spec.agents.units[\($0)]" }, "the unit")
      + twice(agents.cgroups, { "spec.agents.cgroups[\($0)]" }, "the cgroup")
      + twice(network.listen, { "spec.network.listen[\($0)]" }, "the port")
  }

  private var reachability: [IntentConflict] {
    let scope = ["spec.network"]
    return network.reachableWhileTainted.enumerated().flatMap { index, entry in
      let path = "spec.network.reachableWhileTainted[\(index)]"
      var found: [IntentConflict] = []
      if !isAllowed(entry) {
        found.append(
          IntentConflict(
            path: path, message: "nothing in network.allow opens this destination",
            suggestion: "add it, with these ports and protocols, to network.allow", scope: scope))
      }
      if let other = network.sensitive.first(where: { Self.meet($0, entry) }) {
        found.append(
          IntentConflict(
            path: path,
            message:
              "the destination is also sensitive (\(other.target)): contact would slam and yet leave it reachable",
            suggestion: "take it out of one of the two lists", scope: scope))
      }
      return found
    }
  }

  /// Whether `allow` opens all of it.
  private func isAllowed(_ entry: Destination) -> Bool {
    let around = network.allow.filter { $0.target.contains(entry.target) }
    guard let ports = entry.ports else {
      return around.contains { !$0.protocols.isDisjoint(with: entry.protocols) }
    }
    return entry.protocols.allSatisfy { one in
      PortRange.covers(
        around.filter { $0.protocols.contains(one) }.flatMap { $0.ports ?? [.all] }, ports)
    }
  }

  private static func meet(_ left: Destination, _ right: Destination) -> Bool {
    guard case .cidr(let one) = left.target, case .cidr(let two) = right.target,
      one.overlaps(two), !left.protocols.isDisjoint(with: right.protocols)
    else { return false }
    return (left.ports ?? [.all]).contains { range in
      (right.ports ?? [.all]).contains { $0.overlaps(range) }
    }
  }

  /// What an agent cannot have that nobody starts.
  private var placement: [IntentConflict] {
    guard !agents.isEmpty else { return [] }
    var found: [IntentConflict] = []
    if files.write == nil {
      found.append(
        IntentConflict(
          path: "spec.agents",
          message:
            "a unit or container has no working directory and no TMPDIR that Telos could use",
          suggestion: "set files.write to what it may write, or to [] for nothing",
          scope: ["spec.agents", "spec.files"]))
    }
    for (index, window) in network.allow.enumerated() where window.ttl != nil && window.host == nil
    {
      found.append(
        IntentConflict(
          path: "spec.network.allow[\(index)]",
          message:
            "a window's ttl is counted from the start of the agent, which is not known for a unit or container",
          suggestion: "remove the window's ttl, or agents",
          scope: ["spec.agents", "spec.network"]))
    }
    return found
  }

  /// What stays writable has to be so before.
  private var keeping: [IntentConflict] {
    let roots = files.whileTainted.roots
    guard !roots.isEmpty else { return [] }
    let scope = ["spec.files"]
    guard let write = files.write else {
      return [
        IntentConflict(
          path: "spec.files.whileTainted",
          message: "without files.write it is not known which directories these lie in",
          suggestion: "set files.write to what the agent may write, or write all or none here",
          scope: scope)
      ]
    }
    return roots.enumerated().compactMap { index, root in
      guard !write.contains(where: { $0.covers(root) }) else { return nil }
      return IntentConflict(
        path: "spec.files.whileTainted[\(index)]",
        message: "nothing in files.write lets the agent write \(root)",
        suggestion:
          "add \(Quote(root.description)) to files.write, or name a part of what is there",
        scope: scope)
    }
  }

  private var ownership: [IntentConflict] {
    guard let write = files.write else { return [] }
    return exec.own.enumerated().compactMap { index, own in
      guard !write.contains(where: { $0.covers(own) }) else { return nil }
      return IntentConflict(
        path: "spec.exec.own[\(index)]",
        message: "nothing in files.write lets the agent write below \(own.anchor)",
        suggestion: "add \(Quote(own.description)) to files.write",
        scope: ["spec.exec.own", "spec.files.write"])
    }
  }
}

extension Intent.Destination.Target: CustomStringConvertible {
  func contains(_ other: Self) -> Bool {
    switch (self, other) {
    case (.host(let one), .host(let two)): one.contains(two)
    case (.cidr(let one), .cidr(let two)): one.contains(two)
    default: false
    }
  }

  public var description: String {
    switch self {
    case .host(let host): "\(host)"
    case .cidr(let prefix): "\(prefix)"
    }
  }
}
