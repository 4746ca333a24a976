import AddressSets
import TelosCore

let blocklist = """
  # a comment
  192.0.2.1
  198.51.100.0/24 ; SBL1
  2001:db8::/32
  2001:db8:1::7\r
  ::ffff:203.0.113.9

  """

let addressTargets = [
  Target(name: "blocklist", seeds: { [Array(blocklist.utf8)] }) { bytes in
    guard let set = try? BlocklistText.parse(bytes, file: "list") else { return }
    let again = try? BlocklistText.parse(Array(BlocklistText.format(set).utf8), file: "list")
    promise(again == set, "a list that was written is read back")
    promise((try? AddressSet(packed: set.packed)) == set, "a set that was packed is read back")
    promise(set.adding(set) == set && set.removing(set).isEmpty, "a set is a set")
  },
  Target(
    name: "packed-set",
    seeds: {
      let packed = try BlocklistText.parse(Array(blocklist.utf8), file: "x").packed
      return [
        lengths([packed.v4, packed.v6, packed.v4Prefixes].map(\.count)) + packed.v4 + packed.v6
          + packed.v4Prefixes + packed.v6Prefixes
      ]
    }
  ) { bytes in
    // Three bytes say where the four fields part.
    var rest = bytes.dropFirst(3)
    let fields = bytes.prefix(3).map { length -> [UInt8] in
      defer { rest = rest.dropFirst(Int(length)) }
      return Array(rest.prefix(Int(length)))
    }
    guard fields.count == 3 else { return }
    let packed = AddressSet.Packed(
      v4: fields[0], v6: fields[1], v4Prefixes: fields[2], v6Prefixes: rest)
    guard let set = try? AddressSet(packed: packed) else { return }
    promise(set.packed == packed, "a set has one packed form")
    promise(AddressSet(set.entries) == set, "a set is the sum of its entries")
  },
]

private func lengths(_ counts: [Int]) -> [UInt8] { counts.map { UInt8(clamping: $0) } }
