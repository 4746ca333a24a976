/// A set of addresses and blocks, sorted and without duplicates, so that equal sets have equal bytes.
///
/// An address stays an entry of its own beside a block that contains it: removing the block leaves it.
public struct AddressSet: Sendable, Hashable {
  /// Single IPv4 addresses in host order, ascending.
  public internal(set) var v4: [UInt32] = []
  /// Single IPv6 addresses, ascending.
  public internal(set) var v6: [UInt128] = []
  /// IPv4 blocks of at most /31, ascending.
  public internal(set) var v4Prefixes: [IPPrefix] = []
  /// IPv6 blocks of at most /127, ascending.
  public internal(set) var v6Prefixes: [IPPrefix] = []

  public init() {}

  public init(_ entries: some Sequence<IPPrefix>) {
    for entry in entries {
      switch (entry.isSingle, entry.address.v4) {
      case (true, let address?): v4.append(address)
      case (true, nil): v6.append(entry.address.bits)
      case (false, _?): v4Prefixes.append(entry)
      case (false, nil): v6Prefixes.append(entry)
      }
    }
    v4 = Self.unique(v4)
    v6 = Self.unique(v6)
    v4Prefixes = Self.unique(v4Prefixes)
    v6Prefixes = Self.unique(v6Prefixes)
  }

  private static func unique<T: Comparable>(_ values: [T]) -> [T] {
    var result: [T] = []
    result.reserveCapacity(values.count)
    for value in values.sorted() where value != result.last { result.append(value) }
    return result
  }

  /// How many entries of each kind there are.
  public struct Counts: Sendable, Hashable, Codable {
    public var v4: Int
    public var v6: Int
    public var v4Prefixes: Int
    public var v6Prefixes: Int

    public init(v4: Int, v6: Int, v4Prefixes: Int, v6Prefixes: Int) {
      self.v4 = v4
      self.v6 = v6
      self.v4Prefixes = v4Prefixes
      self.v6Prefixes = v6Prefixes
    }

    public var total: Int { v4 + v6 + v4Prefixes + v6Prefixes }
  }

  public var counts: Counts {
    Counts(
      v4: v4.count, v6: v6.count, v4Prefixes: v4Prefixes.count, v6Prefixes: v6Prefixes.count)
  }

  public var count: Int { counts.total }
  public var isEmpty: Bool { count == 0 }

  /// All entries in ascending order: IPv4, then IPv6; made anew at each call.
  public var entries: [IPPrefix] {
    let singles4 = v4.map { IPPrefix(IPAddress(v4: $0)) }
    let singles6 = v6.map { IPPrefix(IPAddress(bits: $0)) }
    return Self.merged(singles4, v4Prefixes) + Self.merged(singles6, v6Prefixes)
  }

  private static func merged(_ left: [IPPrefix], _ right: [IPPrefix]) -> [IPPrefix] {
    var result: [IPPrefix] = []
    result.reserveCapacity(left.count + right.count)
    var i = 0
    var j = 0
    while i < left.count || j < right.count {
      if j == right.count || (i < left.count && left[i] < right[j]) {
        result.append(left[i])
        i += 1
      } else {
        result.append(right[j])
        j += 1
      }
    }
    return result
  }

  /// Whether this very entry is in the set; see ``covers(_:)`` for what the kernel would match.
  public func contains(_ entry: IPPrefix) -> Bool {
    switch (entry.isSingle, entry.address.v4) {
    case (true, let address?): Self.has(v4, address)
    case (true, nil): Self.has(v6, entry.address.bits)
    case (false, _?): Self.has(v4Prefixes, entry)
    case (false, nil): Self.has(v6Prefixes, entry)
    }
  }

  /// Whether the address is an entry or lies in one. Linear in the number of blocks.
  public func covers(_ address: IPAddress) -> Bool {
    contains(IPPrefix(address))
      || (address.isV4 ? v4Prefixes : v6Prefixes).contains { $0.contains(address) }
  }

  private static func has<T: Comparable>(_ sorted: [T], _ value: T) -> Bool {
    let index = sorted.lowerBound { $0 < value }
    return index < sorted.count && sorted[index] == value
  }

  /// The set with the entries of `other` added.
  public func adding(_ other: AddressSet) -> AddressSet {
    AddressSet(entries + other.entries)
  }

  /// The set without the entries that `other` names; blocks are not split.
  public func removing(_ other: AddressSet) -> AddressSet {
    var result = self
    let (v4, v6) = (Set(other.v4), Set(other.v6))
    let prefixes = Set(other.v4Prefixes + other.v6Prefixes)
    result.v4.removeAll { v4.contains($0) }
    result.v6.removeAll { v6.contains($0) }
    result.v4Prefixes.removeAll { prefixes.contains($0) }
    result.v6Prefixes.removeAll { prefixes.contains($0) }
    return result
  }

  /// The entries that both sets name.
  public func common(with other: AddressSet) -> AddressSet { removing(removing(other)) }

  /// What has to happen to an older set to become a newer one.
  public struct Difference: Sendable, Hashable {
    public var added: AddressSet
    public var removed: AddressSet
    public var isEmpty: Bool { added.isEmpty && removed.isEmpty }
  }

  public func difference(from older: AddressSet) -> Difference {
    Difference(added: removing(older), removed: older.removing(self))
  }
}

extension Array {
  /// The first index whose element is not `isBefore`, in a sorted array.
  func lowerBound(_ isBefore: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
