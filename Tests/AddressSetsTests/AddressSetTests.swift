import AddressSets
import TelosCore
import Testing

func set(_ entries: String...) throws -> AddressSet {
  AddressSet(try entries.map { entry throws(TelosError) in try IPPrefix(entry) })
}

@Suite struct AddressSetTests {
  @Test("Order and duplicates of the input do not matter")
  func canonical() throws {
    let one = try set("::1", "10.0.0.0/8", "192.0.2.2", "192.0.2.1", "2001:db8::/32")
    let two = try set(
      "192.0.2.1/32", "2001:db8::/32", "192.0.2.2", "::1/128", "192.0.2.1", "10.0.0.0/8",
      "::ffff:192.0.2.1")
    #expect(one == two)
    #expect(one.packed == two.packed)
    #expect(one.counts == AddressSet.Counts(v4: 2, v6: 1, v4Prefixes: 1, v6Prefixes: 1))
    #expect(
      one.entries.map(\.description) == [
        "10.0.0.0/8", "192.0.2.1", "192.0.2.2", "::1", "2001:db8::/32",
      ])
  }

  @Test("An address that must never be blocked leaves the set; a block that meets one stays")
  func neverBlock() throws {
    let blocked = try set(
      "127.0.0.1", "192.0.2.1", "192.0.2.200", "192.0.0.0/16", "192.0.2.64/26", "198.51.100.0/24",
      "::1", "2001:db8::5", "2001:db8::/32", "::/0")
    let never = try set("127.0.0.0/8", "192.0.2.0/25", "::1", "2001:db8::/48", "192.0.2.1")
    let report = blocked.subtracting(neverBlock: never)
    #expect(
      report.set
        == (try set(
          "192.0.2.200", "192.0.0.0/16", "192.0.2.64/26", "198.51.100.0/24", "2001:db8::/32",
          "::/0")))
    #expect(
      report.conflicts.map { "\($0.entry) \($0.neverBlock) \($0.outcome)" } == [
        "127.0.0.1 127.0.0.0/8 removed", "192.0.0.0/16 192.0.2.0/25 overridden",
        "192.0.2.1 192.0.2.0/25 removed", "192.0.2.64/26 192.0.2.0/25 overridden",
        "::/0 ::1 overridden", "::1 ::1 removed", "2001:db8::/32 2001:db8::/48 overridden",
        "2001:db8::5 2001:db8::/48 removed",
      ])
  }

  @Test("Subtracting agrees with testing every pair")
  func neverBlockAgainstBruteForce() {
    func prefix() -> IPPrefix? {
      let length = [20, 24, 28, 32, 32, 32].randomElement() ?? 32
      let bits = UInt32(0x0a00_0000) | UInt32.random(in: 0...0xffff)
      return try? IPPrefix(
        IPAddress(v4: bits & ~(UInt32.max >> UInt32(length))), length: length)
    }
    for _ in 0..<50 {
      let blocked = AddressSet((0..<200).compactMap { _ in prefix() })
      let never = AddressSet((0..<20).compactMap { _ in prefix() })
      let report = blocked.subtracting(neverBlock: never)
      let met = blocked.entries.filter { entry in never.entries.contains { $0.overlaps(entry) } }
      #expect(report.conflicts.map(\.entry) == met)
      #expect(
        report.set.entries
          == blocked.entries.filter { entry in !(entry.isSingle && met.contains(entry)) })
      #expect(report.conflicts.allSatisfy { $0.neverBlock.overlaps($0.entry) })
    }
  }

  @Test("A difference turns the older set into the newer one")
  func difference() throws {
    let older = try set("192.0.2.1", "192.0.2.2", "10.0.0.0/8", "::1")
    let newer = try set("192.0.2.2", "192.0.2.3", "10.0.0.0/9", "::1", "::2")
    let difference = newer.difference(from: older)
    #expect(difference.added == (try set("192.0.2.3", "10.0.0.0/9", "::2")))
    #expect(difference.removed == (try set("192.0.2.1", "10.0.0.0/8")))
    #expect(older.removing(difference.removed).adding(difference.added) == newer)
    #expect(newer.difference(from: newer).isEmpty)
  }

  @Test("A set answers what it holds and what it covers")
  func membership() throws {
    let blocked = try set("192.0.2.1", "10.0.0.0/8", "2001:db8::/32")
    #expect(blocked.contains(try IPPrefix("10.0.0.0/8")))
    #expect(!blocked.contains(try IPPrefix("10.0.0.0/9")))
    #expect(blocked.covers(try IPAddress("10.1.2.3")))
    #expect(blocked.covers(try IPAddress("::ffff:192.0.2.1")))
    #expect(!blocked.covers(try IPAddress("192.0.2.2")))
    #expect(blocked.covers(try IPAddress("2001:db8::9")))
  }

  @Test("Packed bytes come back as the same set")
  func packing() throws {
    let original = try set(
      "192.0.2.1", "192.0.2.2", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0", "::/0")
    #expect(try AddressSet(packed: original.packed) == original)
    #expect(original.packed.v4 == [192, 0, 2, 1, 192, 0, 2, 2])
    #expect(original.packed.v4Prefixes == [0, 0, 0, 0, 0, 10, 0, 0, 0, 8])
    #expect(try AddressSet(packed: AddressSet().packed).isEmpty)
  }

  @Test("Packed bytes that are not exactly canonical are refused")
  func strictPacking() throws {
    func refuses(_ change: (inout AddressSet.Packed) -> Void) throws {
      var packed = try set("192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32").packed
      change(&packed)
      #expect(throws: TelosError.self) { try AddressSet(packed: packed) }
    }
    try refuses { $0.v4.removeLast() }
    try refuses { $0.v4 += [192, 0, 2, 1] }
    try refuses { $0.v4 += [1, 0, 2, 1] }
    try refuses { $0.v6 = IPAddress(v4: 0x0102_0304).mappedBytes }
    try refuses { $0.v6.append(0) }
    try refuses { $0.v4Prefixes[1] = 1 }
    try refuses { $0.v4Prefixes[1...2] = [1, 1] }
    try refuses { $0.v4Prefixes[3] = 1 }
    try refuses { $0.v4Prefixes[4] = 32 }
    try refuses { $0.v4Prefixes[4] = 33 }
    try refuses { $0.v6Prefixes[16] = 129 }
    try refuses { $0.v6Prefixes[15] = 1 }
    try refuses { $0.v6Prefixes = IPAddress(v4: 0).mappedBytes + [104] }
  }
}
