internal import TelosCore

extension TreeReader {
  /// What a yes opens where `maxTTL` is not given.
  private static let usualAnswer = Span(seconds: 3600)

  /// - Parameter ttl: of the intent.
  mutating func question(_ item: Value, within ttl: Span) -> Intent.Question? {
    if isBare(item, more: ", ports: [443], decider: person") { return nil }
    let fields = fields(
      item, ["host", "ports", "protocols", "decider", "maxTTL"],
      misplaced: [
        "private": "private addresses are not asked for: put the host into network.allow",
        "cidr": "addresses are not asked for: put them into network.allow",
      ])
    if fields["host"] == nil { missing("host", in: item, "write host: api.example.org") }
    let host = parsed(fields["host"]) { text throws(TelosError) in try Self.askable(text) }
    if fields["ports"] == nil { missing("ports", in: item, "write ports: [443]") }
    let ports = ports(fields["ports"])
    let protocols = protocols(
      fields["protocols"], absent: Set(Intent.TransportProtocol.allCases))
    if fields["decider"] == nil {
      missing(
        "decider", in: item,
        "write decider: person, or decider: model to let the coordinator's language model say yes")
    }
    let decider = choice(fields["decider"], of: Intent.Question.Decider.self)
    let maxTTL = parsed(fields["maxTTL"]) { text throws(TelosError) in try Span(text) }
    if let maxTTL, maxTTL > ttl, let value = fields["maxTTL"] {
      problem(
        value, "\(maxTTL) is longer than the intent's ttl of \(ttl), with which every answer ends",
        "write \(ttl) at most")
    }
    guard let host, let ports, !ports.isEmpty, let decider else { return nil }
    return Intent.Question(
      host: host, ports: ports, protocols: protocols, decider: decider,
      maxTTL: maxTTL ?? min(Self.usualAnswer, ttl))
  }

  /// A name that an answer can be about.
  private static func askable(_ text: String) throws(TelosError) -> HostPattern {
    let host = try HostPattern(text)
    guard !host.isWildcard else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is more than one name, and each question is about one",
        hint: "write one entry for each name, as api.\(host.name)")
    }
    guard !host.isSingleLabel else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not a full DNS name",
        hint: "write it as api.example.org")
    }
    return host
  }
}
