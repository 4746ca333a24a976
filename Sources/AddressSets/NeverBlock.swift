/// What subtracting a never-block list did to a set.
public struct NeverBlockReport: Sendable, Hashable {
  public struct Conflict: Sendable, Hashable {
    public enum Outcome: String, Sendable, Codable {
      /// A single address that must never be blocked: it is gone from the set.
      case removed
      /// A block that contains, or lies in, something never blocked: it stays, the kernel lets never-block win.
      case overridden
    }
    public var entry: IPPrefix
    /// One of the never-block entries it met.
    public var neverBlock: IPPrefix
    public var outcome: Outcome

    public init(entry: IPPrefix, neverBlock: IPPrefix, outcome: Outcome) {
      self.entry = entry
      self.neverBlock = neverBlock
      self.outcome = outcome
    }
  }

  public var set: AddressSet
  /// In ascending order of the entries.
  public var conflicts: [Conflict]
}

extension AddressSet {
  /// Takes out the addresses that `neverBlock` covers and reports the blocks that it overrides.
  public func subtracting(neverBlock: AddressSet) -> NeverBlockReport {
    let spared = DisjointPrefixes(neverBlock.entries)
    var conflicts: [NeverBlockReport.Conflict] = []
    var result = self
    func removes(_ address: IPAddress) -> Bool {
      let entry = IPPrefix(address)
      guard let match = spared.overlapping(entry) else { return false }
      conflicts.append(.init(entry: entry, neverBlock: match, outcome: .removed))
      return true
    }
    func report(_ entry: IPPrefix) {
      guard let match = spared.overlapping(entry) else { return }
      conflicts.append(.init(entry: entry, neverBlock: match, outcome: .overridden))
    }
    result.v4.removeAll { removes(IPAddress(v4: $0)) }
    result.v6.removeAll { removes(IPAddress(bits: $0)) }
    v4Prefixes.forEach(report)
    v6Prefixes.forEach(report)
    conflicts.sort { $0.entry < $1.entry }
    return NeverBlockReport(set: result, conflicts: conflicts)
  }
}

/// Blocks of which none contains another, for look-ups by bisection.
struct DisjointPrefixes {
  private let blocks: [IPPrefix]

  init(_ sorted: [IPPrefix]) {
    var blocks: [IPPrefix] = []
    for block in sorted where blocks.last?.contains(block) != true { blocks.append(block) }
    self.blocks = blocks
  }

  /// A block that contains `entry`, or the first one inside it.
  func overlapping(_ entry: IPPrefix) -> IPPrefix? {
    let next = blocks.lowerBound { $0 < entry }
    if next > 0, blocks[next - 1].contains(entry) { return blocks[next - 1] }
    if next < blocks.count, entry.contains(blocks[next]) { return blocks[next] }
    return nil
  }
}
