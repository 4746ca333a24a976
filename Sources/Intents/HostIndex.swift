/// The entries of an intent that name hosts, by what they name: an intent may have thousands.
struct HostIndex {
  private var entries: [HostPattern: [Intent.Destination]] = [:]

  init(_ destinations: [Intent.Destination]) {
    for one in destinations {
      if let host = one.host { entries[host, default: []].append(one) }
    }
  }

  var hosts: some Collection<HostPattern> { entries.keys }

  subscript(host: HostPattern) -> [Intent.Destination] { entries[host] ?? [] }

  /// Those that mean all that `host` means: its own and the wildcards above it.
  func entries(around host: HostPattern) -> [Intent.Destination] {
    self[host] + host.wildcardsAbove.flatMap { self[$0] }
  }
}

extension HostPattern {
  /// The wildcards that contain it, but for itself; the nearest first.
  fileprivate var wildcardsAbove: [HostPattern] {
    var above: [HostPattern] = []
    var rest = Substring(name)
    while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
      rest = rest[rest.utf8.index(after: dot)...]
      above.append(HostPattern(below: String(rest)))
    }
    return above
  }
}
