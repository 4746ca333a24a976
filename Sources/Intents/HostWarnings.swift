internal import AddressSets

extension Intent.Network {
  /// What names give away, and what goes past them.
  var hostWarnings: [IntentProblem] {
    allow.enumerated().flatMap { index, entry in
      let path = "spec.network.allow[\(index)]"
      return [
        Self.shortWarning(entry, path), Self.wildcardWarning(entry, path),
        Self.resolverWarning(entry, path),
      ].compactMap(\.self)
    }
  }

  /// Names that somebody else judges, each where it is first written.
  func doubts(_ objection: (String) -> (message: String, suggestion: String)?) -> [IntentProblem] {
    let allowed = allow.enumerated().compactMap { index, entry in
      entry.host.map { ("spec.network.allow[\(index)].host", $0.name) }
    }
    let asked = ask.enumerated().map { ("spec.network.ask[\($0)].host", $1.host.name) }
    var seen: Set<Substring> = []
    return (allowed + asked).compactMap { path, name in
      guard seen.insert(Substring(name)).inserted, let found = objection("\(name)") else {
        return nil
      }
      return IntentProblem(path: path, message: found.message, suggestion: found.suggestion)
    }
  }

  private static func shortWarning(_ entry: Intent.Destination, _ path: String) -> IntentProblem? {
    guard entry.host != nil, let ttl = entry.ttl, ttl < NamePolicy.floor else { return nil }
    return IntentProblem(
      path: path + ".ttl",
      message:
        "the window closes \(ttl) after an answer, but programs use an address for a minute and longer (libcurl 60s) and are refused then",
      suggestion: "write 60s or more, or leave ttl out")
  }

  private static func wildcardWarning(_ entry: Intent.Destination, _ path: String)
    -> IntentProblem?
  {
    guard let host = entry.host, host.isWildcard else { return nil }
    return IntentProblem(
      path: path + ".host",
      message:
        "\(host) lets the agent make up names, and each look-up can tell whoever serves \(host.name) up to \(host.room) bytes; it reaches whatever host anybody can get a name for there",
      suggestion: "name the hosts that are needed")
  }

  private static func resolverWarning(_ entry: Intent.Destination, _ path: String)
    -> IntentProblem?
  {
    if case .cidr(let prefix) = entry.target, prefix.isLargePart { return nil }
    let names = KnownResolvers.met(by: entry)
    guard !names.isEmpty else { return nil }
    let shown = names.prefix(3).joined(separator: ", ")
    let more = names.count > 3 ? " and \(names.count - 3) others" : ""
    return IntentProblem(
      path: path,
      message:
        "this reaches the resolvers of \(shown)\(more) over HTTPS or TLS: they answer for any name, and are told whatever a name can carry",
      suggestion: entry.host == nil
        ? "name the destinations that are needed, by host if they have names"
        : "remove the entry: the node answers for the hosts of the intent")
  }
}

extension IPPrefix {
  /// Of the internet: that is warned of by itself.
  var isLargePart: Bool { length < (isV4 ? 8 : 16) }
}

extension HostPattern {
  /// How many bytes of somebody's choice fit into one name below a wildcard: letters, digits and hyphens are 37, which is
  /// 5.2 bits for each that is no border.
  var room: Int {
    let characters = Self.maximumName - name.utf8.count - 1
    let borders = characters / (Self.maximumLabel + 1)
    return Int(Double(characters - borders) * 5.2 / 8)
  }
}
