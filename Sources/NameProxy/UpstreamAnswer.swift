internal import AddressSets
internal import CLdns

/// What libunbound found, bounded: the chain of names from the question on and the records at its end, nothing else.
final class UpstreamAnswer {
  struct Entry {
    var record: UnsafeMutablePointer<ldns_rr>
    /// Nil for all but A and AAAA.
    var address: IPAddress?
  }

  private let packet: UnsafeMutablePointer<ldns_pkt>
  let question: Question
  /// In the order of the chain.
  private(set) var entries: [Entry] = []
  /// The shortest time to live of what is kept, in seconds; of what says that there is nothing, else.
  private(set) var seconds: UInt32 = .max
  let doesNotExist: Bool

  /// Links of a chain that are followed.
  static let mostLinks = 20
  /// Of what says that there is nothing. A name that was made a moment ago has to be found.
  static let mostNegativeSeconds: UInt32 = 30

  var addresses: [IPAddress] { entries.compactMap(\.address) }

  /// Nil where the bytes are no answer to this question.
  init?(_ bytes: UnsafeBufferPointer<UInt8>, to question: Question) {
    var packet: UnsafeMutablePointer<ldns_pkt>?
    guard let start = bytes.baseAddress,
      ldns_wire2pkt(&packet, start, bytes.count) == LDNS_STATUS_OK,
      let packet
    else { return nil }
    self.packet = packet
    self.question = question
    doesNotExist = ldns_pkt_get_rcode(packet) == LDNS_RCODE_NXDOMAIN
    let asked = ldns_pkt_question(packet)
    guard ldns_rr_list_rr_count(asked) == 1, let first = ldns_rr_list_rr(asked, 0),
      Self.owner(first) == question.name, Self.type(first) == question.type
    else { return nil }
    guard follow() else { return nil }
    if entries.isEmpty || doesNotExist { seconds = min(negative(), Self.mostNegativeSeconds) }
  }

  deinit { ldns_pkt_free(packet) }

  /// The message with those records alone whose address is admitted.
  func message(_ code: ResponseCode, admits: (IPAddress) -> Bool, negativeSeconds: UInt32?)
    -> [UInt8]
  {
    let kept = entries.filter { $0.address.map(admits) ?? true }
    return MessageWriter.message(
      question, code, answers: kept.compactMap { ldns_rr_clone($0.record) }, soa: negativeSeconds)
  }

  /// False where the chain comes back to itself or is too long.
  private func follow() -> Bool {
    let answers = ldns_pkt_answer(packet)
    let count = ldns_rr_list_rr_count(answers)
    var byOwner: [WireName: [UnsafeMutablePointer<ldns_rr>]] = [:]
    for index in 0..<count {
      guard let record = ldns_rr_list_rr(answers, index), let owner = Self.owner(record),
        ldns_rr_get_class(record) == LDNS_RR_CLASS_IN
      else { continue }
      byOwner[owner, default: []].append(record)
    }
    var name = question.name
    var seen: Set<WireName> = [name]
    for _ in 0...Self.mostLinks {
      let here = byOwner[name] ?? []
      let wanted = here.filter { Self.type($0) == question.type }
      if !wanted.isEmpty {
        for record in wanted { take(record) }
        return true
      }
      guard let link = here.first(where: { Self.type($0) == .cname }),
        let target = ldns_rr_rdf(link, 0).flatMap({ Self.name($0) })
      else { return true }
      take(link)
      guard seen.insert(target).inserted else { return false }
      name = target
    }
    return false
  }

  private func take(_ record: UnsafeMutablePointer<ldns_rr>) {
    // A time to live with the first bit set counts as none. Source: RFC 2181, 8.
    let ttl = ldns_rr_ttl(record)
    seconds = min(seconds, ttl > Int32.max ? 0 : ttl)
    var address: IPAddress?
    if Self.type(record).isAddress {
      guard let data = ldns_rr_rdf(record, 0), let bytes = ldns_rdf_data(data) else { return }
      let size = Self.type(record) == .a ? 4 : 16
      guard ldns_rdf_size(data) == size else { return }
      address = IPAddress(bytes: UnsafeBufferPointer(start: bytes, count: size))
    }
    entries.append(Entry(record: record, address: address))
  }

  /// The smaller of the SOA's own age and its last number. Source: RFC 2308, 5.
  private func negative() -> UInt32 {
    let section = ldns_pkt_authority(packet)
    for index in 0..<ldns_rr_list_rr_count(section) {
      guard let record = ldns_rr_list_rr(section, index), Self.type(record) == .soa,
        let last = ldns_rr_rdf(record, 6), ldns_rdf_size(last) == 4
      else { continue }
      return min(ldns_rr_ttl(record), ldns_rdf2native_int32(last))
    }
    return 0
  }

  private static func type(_ record: UnsafeMutablePointer<ldns_rr>) -> RecordType {
    RecordType(rawValue: UInt16(truncatingIfNeeded: ldns_rr_get_type(record).rawValue))
  }

  private static func owner(_ record: UnsafeMutablePointer<ldns_rr>) -> WireName? {
    ldns_rr_owner(record).flatMap { name($0) }
  }

  private static func name(_ data: UnsafeMutablePointer<ldns_rdf>) -> WireName? {
    guard let bytes = ldns_rdf_data(data) else { return nil }
    let wire = UnsafeBufferPointer(start: bytes, count: ldns_rdf_size(data))
    return wire.count <= 255 && wire.last == 0 ? WireName(lowering: wire) : nil
  }
}
