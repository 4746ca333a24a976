internal import AddressSets
internal import CLdns
internal import Glibc

/// Messages of our own, written by ldns.
enum MessageWriter {
  /// - Parameters:
  ///   - answers: records for the answer section, which the message takes over.
  ///   - soa: how many seconds what is missing may be remembered to be missing; nil for no such record.
  static func message(
    _ question: Question, _ code: ResponseCode, answers: [UnsafeMutablePointer<ldns_rr>]?,
    soa: UInt32? = nil
  ) -> [UInt8] {
    guard let packet = ldns_pkt_new() else { return [] }
    defer { ldns_pkt_free(packet) }
    ldns_pkt_set_qr(packet, 1)
    ldns_pkt_set_ra(packet, 1)
    ldns_pkt_set_rcode(packet, UInt8(code.rawValue & 15))
    if let asked = ldns_rr_new() {
      ldns_rr_set_question(asked, 1)
      ldns_rr_set_owner(asked, name(question.name.bytes))
      ldns_rr_set_type(asked, ldns_rr_type(rawValue: UInt32(question.type.rawValue)))
      ldns_rr_set_class(asked, LDNS_RR_CLASS_IN)
      ldns_pkt_push_rr(packet, LDNS_SECTION_QUESTION, asked)
    }
    for record in answers ?? [] { ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, record) }
    if let soa, let record = authority(soa) {
      ldns_pkt_push_rr(packet, LDNS_SECTION_AUTHORITY, record)
    }
    var wire: UnsafeMutablePointer<UInt8>?
    var size = 0
    guard ldns_pkt2wire(&wire, packet, &size) == LDNS_STATUS_OK, let wire else { return [] }
    defer { free(wire) }
    return Array(UnsafeBufferPointer(start: wire, count: size))
  }

  /// A record of an address, or of a name that an address stands for.
  static func record(_ owner: WireName, _ type: RecordType, _ data: [UInt8])
    -> UnsafeMutablePointer<ldns_rr>?
  {
    guard let record = ldns_rr_new() else { return nil }
    ldns_rr_set_owner(record, name(owner.bytes))
    ldns_rr_set_type(record, ldns_rr_type(rawValue: UInt32(type.rawValue)))
    ldns_rr_set_class(record, LDNS_RR_CLASS_IN)
    ldns_rr_set_ttl(record, 60)
    let kind =
      type == .a ? LDNS_RDF_TYPE_A : type == .aaaa ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_DNAME
    ldns_rr_push_rdf(record, ldns_rdf_new_frm_data(kind, data.count, data))
    return record
  }

  private static func name(_ bytes: [UInt8]) -> UnsafeMutablePointer<ldns_rdf>? {
    ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, bytes.count, bytes)
  }

  /// Who answers for what is not there: nobody that could be asked. Java keeps a refusal for as long as this says.
  private static func authority(_ seconds: UInt32) -> UnsafeMutablePointer<ldns_rr>? {
    guard let record = ldns_rr_new() else { return nil }
    ldns_rr_set_owner(record, name([0]))
    ldns_rr_set_type(record, ldns_rr_type(rawValue: UInt32(RecordType.soa.rawValue)))
    ldns_rr_set_class(record, LDNS_RR_CLASS_IN)
    ldns_rr_set_ttl(record, seconds)
    for bytes in [WireName("telos.invalid")?.bytes ?? [0], [0]] {
      ldns_rr_push_rdf(record, name(bytes))
    }
    for value in [1, seconds, seconds, seconds, seconds] {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
      ldns_rr_push_rdf(record, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT32, 4, bytes))
    }
    return record
  }
}
