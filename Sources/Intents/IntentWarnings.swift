internal import AddressSets

extension Intent {
  /// What is allowed to be written but should be looked at twice; for `telos intent check`.
  public var warnings: [IntentProblem] {
    execWarnings + networkWarnings + network.hostWarnings + fileWarnings
  }

  private func warn(_ path: String, _ message: String, _ suggestion: String) -> IntentProblem {
    IntentProblem(path: path, message: message, suggestion: suggestion)
  }

  private var execWarnings: [IntentProblem] {
    exec.allow.enumerated().compactMap { index, one in
      let path = "spec.exec.allow[\(index)].path"
      let folder = one.path.path.split(separator: "/").dropLast().joined(separator: "/")
      if one.path.description.hasSuffix("/*"),
        ["bin", "usr/bin", "sbin", "usr/sbin", "usr/local/bin"].contains(folder)
      {
        return warn(
          path, "\(one.path) approves every program there", "name the programs that the agent needs"
        )
      }
      guard let roots = files.write,
        let root = roots.first(where: {
          $0.form == .descendants(.any) && PathPattern.isBelow(one.path.path, $0.anchor)
        }),
        !exec.own.contains(where: { PathPattern.isBelow(one.path.path, $0.anchor) })
      else { return nil }
      return warn(
        path, "\(one.path) lies below \(root): once an agent has written it, no agent may run it",
        "move the program, narrow files.write, or name the folder in exec.own")
    }
  }

  private var networkWarnings: [IntentProblem] {
    network.allow.enumerated().compactMap { index, one in
      guard case .cidr(let prefix) = one.target, prefix.isLargePart else {
        return nil
      }
      return warn(
        "spec.network.allow[\(index)].cidr", "\(prefix) is a large part of the internet",
        "name only the destinations that are needed")
    }
      + network.listen.enumerated().compactMap { index, one in
        guard let peers = one.peers, one.protocols.contains(.udp),
          peers.length < (peers.isV4 ? 8 : 16)
        else { return nil }
        return warn(
          "spec.network.listen[\(index)].cidr",
          "over UDP, the agent can also send to \(peers) without being asked",
          "name only the peers that are needed")
      }
  }

  private var fileWarnings: [IntentProblem] {
    let system = [
      "/etc", "/usr", "/bin", "/lib", "/boot", "/root", "/home", "/var", "/opt", "/run",
    ]
    return (files.write ?? []).enumerated().compactMap { index, one in
      guard system.contains(one.anchor) else { return nil }
      return warn(
        "spec.files.write[\(index)]",
        "\(one.description) holds files that other programs run or trust",
        "name the folder that the agent works in")
    }
  }
}
