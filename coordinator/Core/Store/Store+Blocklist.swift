internal import AddressSets
internal import FoundationEssentials
internal import GRDB
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
    var entries: [IPPrefix] = []
    let keys = try Data.fetchCursor(db, sql: "SELECT key FROM blocklist_entry ORDER BY key")
    while let key = try keys.next() { entries.append(try BlocklistKey.decode(key)) }
    return AddressSet(entries)
  }

  func change(_ difference: AddressSet.Difference) throws {
    let insertion = try db.makeStatement(
      sql: "INSERT OR IGNORE INTO blocklist_entry (key, added_at) VALUES (?, ?)")
    for entry in difference.added.entries {
      try insertion.execute(arguments: [BlocklistKey.encode(entry), now.milliseconds])
    }
    let deletion = try db.makeStatement(sql: "DELETE FROM blocklist_entry WHERE key = ?")
    for entry in difference.removed.entries {
      try deletion.execute(arguments: [BlocklistKey.encode(entry)])
    }
  }

  /// At most `limit` entries behind `after`, ascending.
  func blocklistPage(after: IPPrefix?, limit: Int) throws -> [IPPrefix] {
    try Data.fetchAll(
      db, sql: "SELECT key FROM blocklist_entry WHERE key > ? ORDER BY key LIMIT ?",
      arguments: [after.map(BlocklistKey.encode) ?? Data(), limit]
    ).map(BlocklistKey.decode)
  }

  func blocklistCount() throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM blocklist_entry") ?? 0
  }
}
