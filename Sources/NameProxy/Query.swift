internal import CLdns

/// One question of an agent, as ldns read it.
struct Query: Sendable {
  var id: UInt16
  var question: Question
  /// The name as the client wrote it: some compare its letters with those of the answer.
  var spelled: [UInt8]
  var classNumber: UInt16
  var flags: Flags
  /// The largest datagram that the client takes, as it says by EDNS; nil without EDNS.
  var datagramLimit: UInt16?

  struct Flags: OptionSet, Sendable {
    var rawValue: UInt8
    static let recursionDesired = Flags(rawValue: 1)
    static let checkingDisabled = Flags(rawValue: 2)
    /// The client says whether it wants to hear that an answer was validated.
    static let wantsAuthenticated = Flags(rawValue: 4)
  }

  enum Reading {
    case query(Query)
    /// An answer that says what is wrong with the message.
    case malformed([UInt8])
    /// No question at all: nothing is sent.
    case ignored
  }

  /// Longer ones are refused: 255 bytes of a name, EDNS, padding.
  static let mostBytes = 4096

  private static let internet: UInt16 = 1
  var isInternet: Bool { classNumber == Self.internet }

  /// Reads a message of a client, however hostile.
  static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Reading {
    // What answers is never answered: two proxies would talk for ever.
    guard bytes.count >= 12, let start = bytes.baseAddress, bytes[2] & 0x80 == 0 else {
      return .ignored
    }
    let operation = bytes[2] >> 3 & 15
    guard operation == 0 else { return .malformed(header(bytes, code: .notImplemented)) }
    func count(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
    // Before ldns makes room for sixty thousand records.
    guard bytes.count <= mostBytes, count(4) == 1, count(6) == 0, count(8) == 0, count(10) <= 2
    else { return .malformed(header(bytes, code: .formatError)) }
    var packet: UnsafeMutablePointer<ldns_pkt>?
    guard ldns_wire2pkt(&packet, start, bytes.count) == LDNS_STATUS_OK, let packet else {
      return .malformed(header(bytes, code: .formatError))
    }
    defer { ldns_pkt_free(packet) }
    guard let record = ldns_rr_list_rr(ldns_pkt_question(packet), 0),
      let owner = ldns_rr_owner(record), let data = ldns_rdf_data(owner)
    else { return .malformed(header(bytes, code: .formatError)) }
    let name = UnsafeBufferPointer(start: data, count: ldns_rdf_size(owner))
    guard name.count <= 255, name.last == 0 else {
      return .malformed(header(bytes, code: .formatError))
    }
    var flags: Flags = []
    if ldns_pkt_rd(packet) != 0 { flags.insert(.recursionDesired) }
    if ldns_pkt_cd(packet) != 0 { flags.insert(.checkingDisabled) }
    if ldns_pkt_ad(packet) != 0 || ldns_pkt_edns_do(packet) != 0 {
      flags.insert(.wantsAuthenticated)
    }
    let hasEDNS = ldns_pkt_edns(packet) != 0
    var query = Query(
      id: ldns_pkt_id(packet),
      question: Question(
        name: WireName(lowering: name),
        type: RecordType(rawValue: UInt16(truncatingIfNeeded: ldns_rr_get_type(record).rawValue))),
      spelled: Array(name),
      classNumber: UInt16(truncatingIfNeeded: ldns_rr_get_class(record).rawValue),
      flags: flags, datagramLimit: hasEDNS ? ldns_pkt_edns_udp_size(packet) : nil)
    guard !hasEDNS || ldns_pkt_edns_version(packet) == 0 else {
      query.datagramLimit = 512
      return .malformed(Reply(question: query.question, code: .badVersion).bytes(for: query))
    }
    return .query(query)
  }

  /// The client's header, turned into an answer without a question.
  private static func header(_ bytes: UnsafeBufferPointer<UInt8>, code: ResponseCode) -> [UInt8] {
    [
      bytes[0], bytes[1], 0x80 | bytes[2] & 0x79, 0x80 | UInt8(code.rawValue), 0, 0, 0, 0, 0, 0, 0,
      0,
    ]
  }
}
