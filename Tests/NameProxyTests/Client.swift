import CLdns
import Glibc

/// A resolver of nobody's library: it sends what the test says.
final class Client {
  let socket: Int32
  private let isStream: Bool

  /// - Parameter mark: what the kernel's egress program would put on the datagrams of an agent.
  init(port: UInt16, mark: UInt32, isStream: Bool = false, isV6: Bool = false) throws {
    self.isStream = isStream
    socket = Glibc.socket(
      isV6 ? AF_INET6 : AF_INET,
      Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_CLOEXEC.rawValue), 0)
    var value = mark
    if mark != 0 {
      try require(setsockopt(socket, SOL_SOCKET, 36, &value, 4) == 0, "mark a socket")
    }
    try require(withAddress(port, isV6: isV6) { connect(socket, $0, $1) } == 0, "connect")
  }

  deinit { close(socket) }

  static func message(
    _ name: String, _ type: UInt16 = 1, id: UInt16 = 7, size: UInt16? = 1232,
    class number: UInt16 = 1
  ) -> [UInt8] {
    var bytes: [UInt8] = [
      UInt8(id >> 8), UInt8(id & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, size == nil ? 0 : 1,
    ]
    for label in name.split(separator: ".") {
      bytes += [UInt8(label.utf8.count)] + Array(label.utf8)
    }
    bytes += [0, UInt8(type >> 8), UInt8(type & 255), UInt8(number >> 8), UInt8(number & 255)]
    if let size { bytes += [0, 0, 41, UInt8(size >> 8), UInt8(size & 255), 0, 0, 0, 0, 0, 0] }
    return bytes
  }

  func send(_ bytes: [UInt8]) {
    let framed = isStream ? [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes : bytes
    _ = Glibc.send(socket, framed, framed.count, Int32(MSG_NOSIGNAL))
  }

  /// Nil where nothing comes, or the connection is closed.
  func receive(milliseconds: Int32 = 3_000) -> [UInt8]? {
    guard isStream else {
      guard waits(milliseconds) else { return nil }
      var bytes = [UInt8](repeating: 0, count: 65536)
      let count = recv(socket, &bytes, bytes.count, 0)
      return count >= 0 ? Array(bytes[..<count]) : nil
    }
    guard let head = take(2, milliseconds) else { return nil }
    return take(Int(head[0]) << 8 | Int(head[1]), milliseconds)
  }

  func waits(_ milliseconds: Int32) -> Bool {
    var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, milliseconds) == 1
  }

  private func take(_ count: Int, _ milliseconds: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: max(count, 1))
    while bytes.count < count {
      guard waits(milliseconds) else { return nil }
      let got = recv(socket, &buffer, count - bytes.count, 0)
      guard got > 0 else { return nil }
      bytes += buffer[..<got]
    }
    return bytes
  }

  /// Asks and waits for the answer to that.
  func ask(
    _ name: String, _ type: UInt16 = 1, size: UInt16? = 1232, milliseconds: Int32 = 6_000
  ) throws -> Response {
    let id = UInt16.random(in: 0 ... .max)
    send(Self.message(name, type, id: id, size: size))
    while let bytes = receive(milliseconds: milliseconds) {
      let response = try Response(bytes)
      if response.id == id { return response }
    }
    throw Failed(what: "no answer about \(name)")
  }
}

/// An answer, read by ldns.
struct Response {
  struct Record: Equatable {
    var type: UInt16
    var ttl: UInt32
    var owner: String
    var text: String
  }

  var id: UInt16
  var code: Int
  var isTruncated: Bool
  var isAuthenticated: Bool
  var question: String
  var answers: [Record] = []
  var authority: [Record] = []
  var ednsSize: UInt16?
  /// The code and the words of an extended error.
  var explanation: (code: Int, text: String)?
  var count: Int

  var texts: [String] { answers.map(\.text) }

  init(_ bytes: [UInt8]) throws {
    var packet: UnsafeMutablePointer<ldns_pkt>?
    guard ldns_wire2pkt(&packet, bytes, bytes.count) == LDNS_STATUS_OK, let packet else {
      throw Failed(what: "an answer that is no message: \(bytes)")
    }
    defer { ldns_pkt_free(packet) }
    count = bytes.count
    id = ldns_pkt_id(packet)
    code = Int(ldns_pkt_get_rcode(packet).rawValue) | Int(ldns_pkt_edns_extended_rcode(packet)) << 4
    isTruncated = ldns_pkt_tc(packet) != 0
    isAuthenticated = ldns_pkt_ad(packet) != 0
    question = Self.records(ldns_pkt_question(packet)).first?.owner ?? ""
    answers = Self.records(ldns_pkt_answer(packet))
    authority = Self.records(ldns_pkt_authority(packet))
    guard ldns_pkt_edns(packet) != 0 else { return }
    ednsSize = ldns_pkt_edns_udp_size(packet)
    if let data = ldns_pkt_edns_data(packet), ldns_rdf_size(data) >= 6 {
      let raw = Array(UnsafeBufferPointer(start: ldns_rdf_data(data), count: ldns_rdf_size(data)))
      if raw[1] == 15 {
        explanation = (Int(raw[4]) << 8 | Int(raw[5]), String(decoding: raw[6...], as: UTF8.self))
      }
    }
  }

  private static func records(_ list: UnsafeMutablePointer<ldns_rr_list>?) -> [Record] {
    (0..<ldns_rr_list_rr_count(list)).compactMap { index -> Record? in
      guard let record = ldns_rr_list_rr(list, index) else { return nil }
      let text =
        ldns_rr_rd_count(record) > 0
        ? take(ldns_rdf2str(ldns_rr_rdf(record, ldns_rr_rd_count(record) - 1))) : ""
      return Record(
        type: UInt16(ldns_rr_get_type(record).rawValue), ttl: ldns_rr_ttl(record),
        owner: take(ldns_rdf2str(ldns_rr_owner(record))), text: text)
    }
  }

  private static func take(_ text: UnsafeMutablePointer<CChar>?) -> String {
    guard let text else { return "" }
    defer { free(text) }
    return String(cString: text)
  }
}
