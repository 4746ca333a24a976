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

/// One entry of the blocklist. An address may be in several sets.
struct ListedEntry: Sendable, Hashable {
  var prefix: IPPrefix
  var source: BlocklistSource
  var added: Date
}

/// The sources, a row each, and their entries, which refer to it.
extension StoreTransaction {
  /// Every source that has entries.
  func blocklistSources() throws -> [BlocklistSource] {
    try connection.rows("SELECT * FROM blocklist_source ORDER BY id").map(Self.source)
  }

  /// The entries of some sources, never-block entries included.
  func blocklist(of sources: some Sequence<BlocklistSource>) throws -> AddressSet {
    var entries: [IPPrefix] = []
    // In pages, so that a list of millions is never there as rows.
    let page = 10_000
    for source in sources {
      var last = Data()
      while true {
        let rows = try connection.rows(
          """
          SELECT key FROM blocklist_entry WHERE source = ?1 AND key > ?2 ORDER BY key LIMIT ?3
          """, .integer(source.id), .bytes(last), .integer(Int64(page)))
        entries += try rows.map { try BlocklistKey.decode(try $0.bytes("key")) }
        guard rows.count == page, let end = rows.last else { break }
        last = try end.bytes("key")
      }
    }
    return AddressSet(entries)
  }

  /// Stores a source, and gives it the next number.
  func add(_ source: BlocklistSource) throws -> BlocklistSource {
    touch(.publication)
    var numbered = source
    numbered.id =
      1
      + (try connection.row("SELECT max(id) AS id FROM blocklist_source")?.integerOrNil("id") ?? 0)
    try connection.change(
      """
      INSERT INTO blocklist_source (id, set_name, scope, origin, reason, priority, expires_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      """, .integer(numbered.id), .text(source.set), .text(source.scope), .text(source.origin),
      .text(source.reason), .integer(Int64(source.priority)), .time(source.expires))
    return numbered
  }

  func add(_ entries: AddressSet, to source: BlocklistSource) throws {
    let more = try connection.insert(
      into: "blocklist_entry (key, source, added_at)",
      entries.entries.map { [.bytes(BlocklistKey.encode($0)), .integer(source.id), .time(now)] },
      suffix: "ON CONFLICT DO NOTHING")
    try count(more)
  }

  /// Takes entries out of a source, which goes with its last one.
  func remove(_ entries: AddressSet, from source: BlocklistSource) throws {
    var fewer = 0
    for entry in entries.entries {
      fewer += try connection.change(
        "DELETE FROM blocklist_entry WHERE source = ?1 AND key = ?2", .integer(source.id),
        .bytes(BlocklistKey.encode(entry)))
    }
    try count(-fewer)
    if try connection.row(
      "SELECT key FROM blocklist_entry WHERE source = ?1 LIMIT 1", .integer(source.id)) == nil
    {
      try forget(source)
    }
  }

  /// Removes a source with all its entries. Answers how many there were.
  func remove(_ source: BlocklistSource) throws -> Int {
    let fewer = try connection.change(
      "DELETE FROM blocklist_entry WHERE source = ?1", .integer(source.id))
    try count(-fewer)
    try forget(source)
    return fewer
  }

  /// At most `limit` entries behind `after`, by address and then by source.
  func blocklistPage(after: BlocklistCursor?, limit: Int) throws -> [ListedEntry] {
    try connection.rows(
      """
      SELECT e.key, e.added_at, s.* FROM blocklist_entry e
      JOIN blocklist_source s ON s.id = e.source
      WHERE (e.key, e.source) > (?1, ?2) ORDER BY e.key, e.source LIMIT ?3
      """, .bytes(after.map { BlocklistKey.encode($0.prefix) } ?? Data()),
      .integer(after?.source ?? 0), .integer(Int64(limit))
    ).map(Self.entry)
  }

  /// The entries that block an address, the one that counts first.
  func blocklist(covering address: IPAddress) throws -> [ListedEntry] {
    let keys = (0...(address.isV4 ? 32 : 128)).map { length in
      BlocklistKey.encode(IPPrefix(address, clearedTo: length))
    }
    let places = keys.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    return try connection.run(
      """
      SELECT e.key, e.added_at, s.* FROM blocklist_entry e
      JOIN blocklist_source s ON s.id = e.source
      WHERE e.key IN (\(places)) ORDER BY s.priority DESC, e.key DESC, s.id
      """, keys.map { .bytes($0) }
    ).rows.map(Self.entry)
  }

  /// The entries of other groups that are equal to one of these.
  func blocklist(equalTo entries: some Sequence<IPPrefix>) throws -> [ListedEntry] {
    try entries.flatMap { entry in
      try connection.rows(
        """
        SELECT e.key, e.added_at, s.* FROM blocklist_entry e
        JOIN blocklist_source s ON s.id = e.source WHERE e.key = ?1 ORDER BY s.id
        """, .bytes(BlocklistKey.encode(entry))
      ).map(Self.entry)
    }
  }

  func blocklistCount() throws -> Int {
    Int(
      try connection.row("SELECT amount FROM tally WHERE name = 'blocklist'")?.integer("amount")
        ?? 0)
  }

  private func count(_ more: Int) throws {
    guard more != 0 else { return }
    try connection.change(
      "UPDATE tally SET amount = amount + ?1 WHERE name = 'blocklist'", .integer(Int64(more)))
  }

  private func forget(_ source: BlocklistSource) throws {
    touch(.publication)
    try connection.change("DELETE FROM blocklist_source WHERE id = ?1", .integer(source.id))
  }

  private static func source(_ row: SQLRow) throws -> BlocklistSource {
    BlocklistSource(
      id: try row.integer("id"), set: try row.text("set_name"), scope: try row.text("scope"),
      origin: try row.text("origin"), reason: try row.text("reason"),
      priority: UInt8(clamping: try row.integer("priority")),
      expires: try row.timeOrNil("expires_at"))
  }

  private static func entry(_ row: SQLRow) throws -> ListedEntry {
    ListedEntry(
      prefix: try BlocklistKey.decode(try row.bytes("key")), source: try source(row),
      added: try row.time("added_at"))
  }
}
