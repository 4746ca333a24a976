internal import AddressSets
internal import FoundationEssentials
internal import TelosCore

/// The order of keys is the order of `IPPrefix`: IPv4 before IPv6, by address, wider blocks first.
enum BlocklistKey {
  static func encode(_ entry: IPPrefix) -> Data {
    Data([entry.isV4 ? 4 : 6] + entry.address.bytes + [entry.length])
  }

  static func decode(_ key: Data) throws -> IPPrefix {
    let bytes = Array(key)
    guard bytes.count == 6 || bytes.count == 18, let length = bytes.last,
      let address = IPAddress(bytes: bytes[1..<(bytes.count - 1)])
    else { throw TelosError(.corrupt, "the store holds a damaged blocklist entry") }
    return try IPPrefix(address, length: Int(length))
  }
}

extension StoreTransaction {
  /// What operators asked to block, never-block entries included.
  func blocklist() throws -> AddressSet {
    // In pages, so that a list of millions is never there as rows.
    let page = 10_000
    var entries: [IPPrefix] = []
    repeat {
      let next = try blocklistPage(after: entries.last, limit: page)
      entries += next
      if next.count < page { break }
    } while true
    return AddressSet(entries)
  }

  func change(_ difference: AddressSet.Difference) throws {
    var more = try connection.insert(
      into: "blocklist_entry (key, added_at)",
      difference.added.entries.map { [.bytes(BlocklistKey.encode($0)), .time(now)] },
      suffix: "ON CONFLICT DO NOTHING")
    for entry in difference.removed.entries {
      more -= try connection.change(
        "DELETE FROM blocklist_entry WHERE key = ?1", .bytes(BlocklistKey.encode(entry)))
    }
    try connection.change(
      "UPDATE tally SET amount = amount + ?1 WHERE name = 'blocklist'", .integer(Int64(more)))
  }

  /// At most `limit` entries behind `after`, ascending.
  func blocklistPage(after: IPPrefix?, limit: Int) throws -> [IPPrefix] {
    try connection.rows(
      "SELECT key FROM blocklist_entry WHERE key > ?1 ORDER BY key LIMIT ?2",
      .bytes(after.map(BlocklistKey.encode) ?? Data()), .integer(Int64(limit))
    ).map { try BlocklistKey.decode(try $0.bytes("key")) }
  }

  func blocklistCount() throws -> Int {
    Int(
      try connection.row("SELECT amount FROM tally WHERE name = 'blocklist'")?.integer("amount")
        ?? 0)
  }
}
