import AddressSets
import BPFKit
import TelosCore
import Testing

@testable import Kernel

@Suite("Hyperion on bytes", .serialized, .enabled(if: isRoot))
struct HyperionPacketTests {
  static let drop: UInt32 = 1
  static let pass: UInt32 = 2

  let pair: Pair
  let hyperion: Hyperion

  init() throws {
    pair = try Pair()
    hyperion = try pair.hyperion()
    try hyperion.load(
      try set("10.77.0.2", "198.51.100.0/24", "fd77::2", "2001:db8::/32"), version: 1,
      digest: Digest(of: [1]))
  }

  func verdict(_ packet: [UInt8]) throws -> UInt32 { try hyperion.xdp.testRun(packet).answer }

  static let bad4 = IPAddress(v4: 0x0a4d_0002)
  static let good4 = IPAddress(v4: 0x0a4d_0003)

  @Test("none, one and two VLAN tags, of either kind, hide nothing", arguments: [0, 1, 2])
  func vlan(tags: Int) throws {
    for kind: UInt16 in [0x8100, 0x88a8] {
      let protocols = [UInt16](repeating: kind, count: tags)
      #expect(try verdict(Packet.v4(from: Self.bad4, tags: protocols)) == Self.drop)
      #expect(try verdict(Packet.v4(from: Self.good4, tags: protocols)) == Self.pass)
      #expect(try verdict(Packet.v6(from: IPAddress("2001:db8::9"), tags: protocols)) == Self.drop)
      #expect(try verdict(Packet.v6(from: IPAddress("2001:db9::9"), tags: protocols)) == Self.pass)
    }
  }

  @Test("IP options and fragments change nothing: only addresses count")
  func options() throws {
    var packet = Packet.v4(from: Self.bad4)
    packet[14] = 0x4f  // 60 bytes of header announced
    #expect(try verdict(packet) == Self.drop)
    packet[14] = 0x45
    packet[20] = 0x20  // more fragments
    packet[21] = 0xb9
    #expect(try verdict(packet) == Self.drop)
  }

  @Test("what is cut short, or no IP at all, is left to the stack")
  func malformed() throws {
    let whole = Packet.v4(from: Self.bad4)
    for length in 14..<34 { #expect(try verdict(Array(whole[..<length])) == Self.pass) }
    let whole6 = Packet.v6(from: try IPAddress("fd77::2"))
    for length in 14..<54 { #expect(try verdict(Array(whole6[..<length])) == Self.pass) }
    #expect(try verdict(whole6) == Self.drop)
    let tagged = Packet.v4(from: Self.bad4, tags: [0x8100, 0x8100])
    for length in 14..<42 { #expect(try verdict(Array(tagged[..<length])) == Self.pass) }
    for type: UInt16 in [0x0806, 0x88cc, 0x0800 ^ 1, 0] {
      var packet = whole
      (packet[12], packet[13]) = (UInt8(type >> 8), UInt8(type & 255))
      #expect(try verdict(packet) == Self.pass)
    }
    // A third tag is beyond what is parsed.
    #expect(try verdict(Packet.v4(from: Self.bad4, tags: [0x88a8, 0x8100, 0x8100])) == Self.pass)
  }

  @Test("the destination of what arrives does not count")
  func destination() throws {
    #expect(try verdict(Packet.v4(from: Self.good4, to: Self.bad4)) == Self.pass)
  }
}

enum Packet {
  static func v4(
    from source: IPAddress, to destination: IPAddress = IPAddress(v4: 0x0a4d_0001),
    tags: [UInt16] = []
  ) -> [UInt8] {
    ethernet(tags, 0x0800) + [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0] + source.bytes
      + destination.bytes + [0x1e, 0x61, 0x1e, 0x61, 0, 8, 0, 0]
  }

  static func v6(from source: IPAddress, tags: [UInt16] = []) -> [UInt8] {
    ethernet(tags, 0x86dd) + [0x60, 0, 0, 0, 0, 8, 17, 64] + source.bytes
      + [UInt8](repeating: 1, count: 16) + [0x1e, 0x61, 0x1e, 0x61, 0, 8, 0, 0]
  }

  private static func ethernet(_ tags: [UInt16], _ type: UInt16) -> [UInt8] {
    var bytes = [UInt8](repeating: 2, count: 12)
    for tag in tags { bytes += [UInt8(tag >> 8), UInt8(tag & 255), 0, 5] }
    return bytes + [UInt8(type >> 8), UInt8(type & 255)]
  }
}
