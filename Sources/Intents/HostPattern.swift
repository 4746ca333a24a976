internal import AddressSets
public import TelosCore

/// The host of an intent's entry: one DNS name, or every name below one.
public struct HostPattern: Sendable, Hashable, CustomStringConvertible {
  /// Lower case, without a dot at the end. For `*.example.org` it is `example.org`, which itself is not meant.
  public let name: String
  /// Names at any depth below ``name``, of one label or of many.
  public let isWildcard: Bool

  /// In bytes. Source: RFC 1035, 2.3.4, without the length of the first label and the root.
  static let maximumName = 253
  static let maximumLabel = 63

  /// Reads `api.example.org` or `*.example.org`, in any case.
  public init(_ text: String) throws(TelosError) {
    guard text.utf8.count <= 8 * Self.maximumName else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is longer than a DNS name can be",
        hint: "write at most \(Self.maximumName) bytes, as api.example.org")
    }
    if let mistaken = Self.mistaken(text) { throw mistaken }
    let lowered = text.lowercased()
    isWildcard = lowered.hasPrefix("*.")
    name = isWildcard ? String(lowered.dropFirst(2)) : lowered
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    // Below a wildcard there has to be room for a label and its dot.
    guard name.utf8.count <= Self.maximumName - (isWildcard ? 2 : 0),
      labels.allSatisfy(Self.isLabel)
    else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not a DNS name",
        hint:
          "write labels of 1 to 63 of a-z, 0-9, - and _, joined by dots, as api.example.org")
    }
    guard !isWildcard || labels.count >= 2 else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) means all names of a whole top-level domain",
        hint: "name a domain below it, as *.example.\(name)")
    }
    try Self.checkPurpose(name, text)
  }

  /// Every name below one that was read already.
  init(below name: String) { (self.name, isWildcard) = (name, true) }

  public var description: String { isWildcard ? "*.\(name)" : name }

  /// `db`, as the resolver of a container or a search list may know it; the DNS of the internet has no such hosts.
  var isSingleLabel: Bool { !isWildcard && !name.utf8.contains(UInt8(ascii: ".")) }

  /// Whether all that `other` means is meant here.
  public func contains(_ other: HostPattern) -> Bool {
    if !isWildcard { return self == other }
    return (other.isWildcard && other.name == name) || Self.isBelow(other.name, name)
  }

  static func isBelow(_ name: String, _ domain: String) -> Bool {
    name.utf8.count > domain.utf8.count && name.hasSuffix("." + domain)
  }

  /// What is in a label, but for hyphens at its ends, which an intent has no use for.
  static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: "_")
  }

  private static func isLabel(_ label: Substring.UTF8View.SubSequence) -> Bool {
    (1...maximumLabel).contains(label.count) && label.allSatisfy(isNameByte)
      && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
  }
}

extension HostPattern {
  /// What people write in place of a name, and what to write instead.
  private static func mistaken(_ text: String) -> TelosError? {
    func error(_ what: String, _ hint: String) -> TelosError {
      TelosError(.invalidArgument, "\(Quote(text)) \(what)", hint: hint)
    }
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
      return error(
        "has letters that DNS does not know",
        "write the name as DNS has it, which begins with xn--; `idn2 NAME` prints it")
    }
    let bare = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
    if (try? IPPrefix(bare)) != nil {
      return error(
        "is an address, not a name",
        bare.contains(":") ? "write cidr: \"\(bare)\"" : "write cidr: \(bare)")
    }
    if let (host, port) = urlParts(text) {
      return error(
        text.contains("/") ? "is a URL, not a name" : "has a port",
        "write host: \(host), ports: [\(port)]")
    }
    if text.hasSuffix("."), !text.hasSuffix(".."),
      (try? HostPattern(String(text.dropLast()))) != nil
    {
      return error("ends with a dot", "write \(text.dropLast())")
    }
    guard text.contains("*") else { return nil }
    if text == "*" || text == "*." {
      return error("means every name there is", "name the hosts that are needed")
    }
    let rest = text.hasPrefix("*.") ? text.dropFirst(2) : Substring(text)
    guard rest.contains("*") else { return nil }
    let domain = rest.split(separator: "*", omittingEmptySubsequences: false).last
      .map { $0.drop { $0 != "." }.drop { $0 == "." } }
    let isDomain = domain.map { (try? HostPattern("*.\($0)")) != nil } ?? false
    return error(
      "has a * inside: it can only stand for whole labels in front",
      isDomain
        ? "write *.\(domain ?? "") for every name below it, or each name by itself"
        : "write one entry for each name, or *.DOMAIN for every name below it")
  }

  /// The host and the port of a URL, or of a host with a port; nil for anything else.
  private static func urlParts(_ text: String) -> (host: Substring, port: String)? {
    var rest = Substring(text)
    var port = "443"
    if let scheme = text.firstRange(of: "://") {
      if text[..<scheme.lowerBound] == "http" { port = "80" }
      rest = text[scheme.upperBound...]
    }
    rest = rest.prefix { $0 != "/" }
    rest = rest.split(separator: "@", omittingEmptySubsequences: false).last ?? rest
    if let colon = rest.firstIndex(of: ":"),
      let range = try? PortRange(rest[rest.index(after: colon)...])
    {
      port = "\(range)"
      rest = rest[..<colon]
    }
    guard rest.count < text.count, (try? HostPattern(String(rest))) != nil else { return nil }
    return (rest, port)
  }

  /// Names that no resolver looks up, or that the node answers by itself.
  private static func checkPurpose(_ name: String, _ text: String) throws(TelosError) {
    func isIn(_ domain: String) -> Bool { name == domain || isBelow(name, domain) }
    if isIn("localhost") {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is the machine itself, which no answer of DNS opens",
        hint: "write cidr: 127.0.0.1, and another entry with cidr: \"::1\" for IPv6")
    }
    if isIn("in-addr.arpa") || isIn("ip6.arpa") {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is the name of an address, not of a host",
        hint: "leave it out: the node answers for the addresses that the intent opens")
    }
    for domain in ["onion", "invalid", "resolver.arpa", "use-application-dns.net"]
    where isIn(domain) {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) would open nothing: the node never looks up \(domain)",
        hint: "leave it out")
    }
    let last = name.utf8.split(separator: UInt8(ascii: ".")).last
    if last?.allSatisfy({ (0x30...0x39).contains($0) }) ?? true {
      throw TelosError(
        .invalidArgument,
        "\(Quote(text)) ends like an address, and no top-level domain is a number",
        hint: "write an address as cidr: 192.0.2.1, a name as api.example.org")
    }
  }
}
