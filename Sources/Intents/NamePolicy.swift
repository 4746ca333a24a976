internal import AddressSets

/// What an intent says of names, ready to be asked at every look-up.
public struct NamePolicy: Sendable, Hashable {
  /// Programs keep an address about so long, whatever its answer says (libcurl a minute), so that nothing shorter is
  /// taken from an answer.
  public static let floor = Span(seconds: 60)
  /// How much longer than it was handed out for an address stays open: a connection that is just being made.
  public static let grace = Span(seconds: 10)

  private let exact: [Substring: NameRule]
  /// By the domain below which names are meant; each holds what the wildcards around it say as well.
  private let below: [Substring: NameRule]
  /// Labels of the longest key of `below`.
  private let deepest: Int
  /// For ``judge(_:of:)``: what is sensitive, and what is open without any name.
  let sensitive: [Intent.Destination]
  let windows: [Intent.Destination]
  /// No name is permitted or could be asked for: the agent's look-ups are like anything else it sends.
  public let isEmpty: Bool

  public init(_ network: Intent.Network) {
    let allowed = HostIndex(network.allow)
    let reachable = HostIndex(network.reachableWhileTainted)
    func openings(_ host: HostPattern) -> [NameOpening] {
      let around = allowed.entries(around: host)
      return NameOpening.normalised(
        around.flatMap { $0.openings }
          + reachable[host].flatMap { one in around.flatMap { $0.openings(keeping: one) } })
    }
    var exact: [Substring: NameRule] = [:]
    var below: [Substring: NameRule] = [:]
    for host in Set(allowed.hosts).union(reachable.hosts) {
      let rule = NameRule(openings: openings(host), isExact: !host.isWildcard)
      guard !rule.openings.isEmpty else { continue }
      if host.isWildcard {
        below[Substring(host.name)] = rule
      } else {
        exact[Substring(host.name)] = rule
      }
    }
    self.exact = exact
    self.below = below
    deepest = below.keys.map { $0.utf8.count { $0 == UInt8(ascii: ".") } + 1 }.max() ?? 0
    isEmpty = !network.hasNames
    sensitive = network.sensitive
    windows = network.allow.filter { $0.host == nil }
  }

  /// The names that a slammed agent still gets answers for, which the node therefore keeps fresh; sorted.
  public var namesWhileTainted: [String] {
    exact.filter(\.value.isReachableWhileTainted).map { String($0.key) }.sorted()
  }

  /// What the intent allows at the addresses of a name; nil: the name is not permitted, and is not to be looked up.
  ///
  /// It takes one look into a table for each label of the longest wildcard, whatever is asked for.
  ///
  /// - Parameter name: in lower case, without a dot at the end, as text with one `.` between labels. Nothing is permitted
  ///   that has other bytes than a-z, 0-9, `-` and `_` in a label: an escaped dot inside of a label would look like a border.
  public func rule(for name: String) -> NameRule? {
    guard let borders = Self.borders(of: name) else { return nil }
    if let rule = exact[Substring(name)] { return rule }
    // From the longest wildcard that can mean it to the shortest.
    for border in borders.suffix(deepest) {
      if let rule = below[name[name.utf8.index(after: border)...]] { return rule }
    }
    return nil
  }

  /// Where its dots are; nil if it is no name that an intent could mean.
  private static func borders(of name: String) -> [String.Index]? {
    guard (1...HostPattern.maximumName).contains(name.utf8.count) else { return nil }
    var borders: [String.Index] = []
    var length = 0
    for index in name.utf8.indices {
      let byte = name.utf8[index]
      if byte == UInt8(ascii: ".") {
        guard length > 0 else { return nil }
        borders.append(index)
        length = 0
      } else {
        length += 1
        guard length <= HostPattern.maximumLabel, HostPattern.isNameByte(byte) else { return nil }
      }
    }
    return length > 0 ? borders : nil
  }
}

extension Intent.Network {
  /// Whether the node answers what the agent looks up: it names hosts, or lets the agent ask for some.
  public var hasNames: Bool { allow.contains { $0.host != nil } || !ask.isEmpty }
}

extension Intent.Destination {
  /// Nil for a block of addresses.
  public var host: HostPattern? {
    if case .host(let host) = target { host } else { nil }
  }

  /// What an answer for it opens.
  fileprivate var openings: [NameOpening] {
    (ports ?? [.all]).map {
      NameOpening(ports: $0, protocols: protocols, ttl: ttl, isPrivate: isPrivate)
    }
  }

  /// The part of it that `other` keeps reachable after a slam.
  fileprivate func openings(keeping other: Intent.Destination) -> [NameOpening] {
    let both = protocols.intersection(other.protocols)
    guard !both.isEmpty else { return [] }
    return PortRange.intersection(ports ?? [.all], other.ports ?? [.all]).map {
      NameOpening(
        ports: $0, protocols: both, ttl: ttl, isPrivate: isPrivate, isReachableWhileTainted: true)
    }
  }
}
