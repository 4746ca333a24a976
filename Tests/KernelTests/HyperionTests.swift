import AddressSets
import BPFKit
import Glibc
import TelosCore
import Testing

@testable import Kernel

@Suite("Hyperion in the kernel", .serialized, .enabled(if: isRoot))
struct HyperionTests {
  let digest = Digest(of: Array("a set".utf8))

  @Test("packets from single addresses of the set are dropped and counted, others arrive")
  func singles() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    for source in ["10.77.0.2", "10.77.0.3", "fd77::2", "fd77::3"] {
      #expect(try pair.arrives(from: source), "\(source) before any set")
    }
    try hyperion.load(try set("10.77.0.2", "fd77::2"), version: 1, digest: digest)
    #expect(try !pair.arrives(from: "10.77.0.2"))
    #expect(try !pair.arrives(from: "fd77::2"))
    #expect(try pair.arrives(from: "10.77.0.3"))
    #expect(try pair.arrives(from: "fd77::3"))
    let counters = try hyperion.counters()
    #expect(counters.xdpV4 == 1)
    #expect(counters.xdpV6 >= 1)
    #expect(counters.passed >= 2)
    #expect(counters.spared == 0)
    try hyperion.load(AddressSet(), version: 2, digest: digest)
    #expect(try pair.arrives(from: "10.77.0.2"))
    #expect(try pair.arrives(from: "fd77::2"))
  }

  @Test("packets from blocks of the set are dropped")
  func prefixes() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    try hyperion.load(try set("10.77.0.4/31", "fd77::4/127"), version: 1, digest: digest)
    #expect(try !pair.arrives(from: "10.77.0.4"))
    #expect(try !pair.arrives(from: "10.77.0.5"))
    #expect(try pair.arrives(from: "10.77.0.6"))
    #expect(try !pair.arrives(from: "fd77::4"))
    #expect(try !pair.arrives(from: "fd77::5"))
    #expect(try pair.arrives(from: "fd77::6"))
  }

  @Test("never-block wins over every set, in its own family only")
  func neverBlock() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    try hyperion.load(try set("10.77.0.0/24", "fd77::/64", "10.77.0.2"), version: 1, digest: digest)
    #expect(try !pair.arrives(from: "10.77.0.2"))
    try hyperion.setNeverBlock(try set("10.77.0.2", "fd77::2/127"))
    #expect(try pair.arrives(from: "10.77.0.2"))
    #expect(try !pair.arrives(from: "10.77.0.3"))
    #expect(try pair.arrives(from: "fd77::3"))
    #expect(try hyperion.counters().spared >= 2)
    #expect(try hyperion.neverBlock() == set("10.77.0.2", "fd77::2/127"))

    try hyperion.setNeverBlock(try set("::/0"))
    #expect(try pair.arrives(from: "fd77::5"))
    #expect(try !pair.arrives(from: "10.77.0.2"), "all of IPv6 does not cover mapped IPv4")
    #expect(try hyperion.neverBlock() == set("::/0"))
    try hyperion.setNeverBlock(AddressSet())
    #expect(try !pair.arrives(from: "fd77::5"))
  }

  @Test("what is held is read back from the kernel, entry by entry")
  func held() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    #expect(try hyperion.held().set.isEmpty)
    #expect(try hyperion.held().version == 0)
    var entries: [IPPrefix] = []
    for i in UInt32(0)..<20_000 {
      entries.append(IPPrefix(IPAddress(v4: 0x0b00_0000 &+ i &* 2_654_435_761)))
      entries.append(IPPrefix(IPAddress(bits: 0x2001_0db8 << 96 | UInt128(i) << 40)))
    }
    for i in UInt32(0)..<3000 {
      entries.append(try IPPrefix(IPAddress(v4: 0x2d00_0000 | i << 8), length: 24))
      entries.append(try IPPrefix(IPAddress(bits: 0x2a00 << 112 | UInt128(i) << 64), length: 64))
    }
    let wanted = AddressSet(entries)
    try hyperion.load(wanted, version: 7, digest: digest)
    let held = try hyperion.held()
    #expect(held.set == wanted)
    #expect(held.version == 7)
    #expect(held.digest == digest)
  }

  @Test("a set is exchanged under traffic without a packet slipping through or being lost")
  func swap() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    // In both sets: 2. In neither: 3.
    let one = try set("10.77.0.2", "198.51.100.0/24")
    let other = try set("10.77.0.2", "192.0.2.1", "2001:db8::/32")
    try hyperion.load(one, version: 1, digest: digest)
    let receiver = try pair.here { try Socket.bound("10.77.0.1", port: 7000) }
    defer { close(receiver) }
    var size: Int32 = 8 << 20
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(4))
    let stop = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    stop.initialize(to: 0)
    defer { stop.deallocate() }
    nonisolated(unsafe) let flag = stop
    nonisolated(unsafe) var sent = 0
    let namespace = pair.there
    let sender = try Background {
      try? namespace {
        let blocked = try Socket.bound("10.77.0.2", port: 0)
        let free = try Socket.bound("10.77.0.3", port: 0)
        defer {
          close(blocked)
          close(free)
        }
        while flag.pointee == 0 && sent < 40_000 {
          try Socket.send(blocked, to: "10.77.0.1", port: 7000)
          try Socket.send(free, to: "10.77.0.1", port: 7000)
          sent += 1
          if sent % 4 == 0 { usleep(200) }
        }
      }
    }
    var blocked = 0
    var free = 0
    func receive() {
      while true {
        var from = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var byte: UInt8 = 0
        let count = withUnsafeMutablePointer(to: &from) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(receiver, &byte, 1, Int32(MSG_DONTWAIT), $0, &length)
          }
        }
        guard count == 1 else { return }
        if from.sin_addr.s_addr == UInt32(0x0a4d_0002).bigEndian {
          blocked += 1
        } else {
          free += 1
        }
      }
    }
    for version in 2..<22 {
      try hyperion.load(version % 2 == 0 ? other : one, version: UInt64(version), digest: digest)
      receive()
    }
    stop.pointee = 1
    sender.join()
    while Socket.waits(receiver, milliseconds: 200) { receive() }
    #expect(sent > 500)
    #expect(blocked == 0)
    #expect(free == sent)
    #expect(try hyperion.counters().xdpV4 == UInt64(sent))
  }

  @Test("without the daemon it goes on, and a new daemon takes up what is there")
  func restart() throws {
    let pair = try Pair()
    do {
      let hyperion = try pair.hyperion()
      try hyperion.load(try set("10.77.0.2", "fd77::/64"), version: 3, digest: digest)
      try hyperion.setNeverBlock(try set("10.77.0.3"))
    }
    #expect(try !pair.arrives(from: "10.77.0.2"), "no daemon holds it now")
    let again = try pair.hyperion()
    #expect(
      try again.held() == .init(version: 3, digest: digest, set: set("10.77.0.2", "fd77::/64")))
    #expect(try again.neverBlock() == set("10.77.0.3"))
    #expect(try again.counters().xdpV4 == 1)
    #expect(try !pair.arrives(from: "10.77.0.2"))
    #expect(try again.counters().xdpV4 == 2)
    try again.load(try set("10.77.0.3", "10.77.0.4"), version: 4, digest: digest)
    #expect(try pair.arrives(from: "10.77.0.2"))
    #expect(try pair.arrives(from: "10.77.0.3"))
    #expect(try !pair.arrives(from: "10.77.0.4"))
  }

  @Test("status says for each interface whether it is filtered, and how")
  func interfaces() throws {
    let pair = try Pair()
    let hyperion = try pair.hyperion()
    let before = try pair.here { hyperion.interfaces() }
    #expect(before.map(\.name) == ["near"])
    #expect(before.first?.mode == .native)
    try pair.here {
      try require(try run("ip", "link", "add", "bridged", "type", "bridge") == 0, "bridge")
      try require(try run("ip", "link", "set", "bridged", "up") == 0, "up")
      try hyperion.attachInterfaces()
    }
    let after = try pair.here { hyperion.interfaces() }
    #expect(after.map(\.name) == ["near", "bridged"])
    #expect(after.last?.mode == .generic, "bridges have no native mode")
    #expect(after.last?.reason.isEmpty == false)
    try pair.here {
      try require(try run("ip", "link", "del", "bridged") == 0, "remove")
      try hyperion.attachInterfaces()
    }
    #expect(try pair.here { hyperion.interfaces() }.map(\.name) == ["near"])
  }

  @Test("a map of another shape is an error that names the folder, and changes nothing")
  func layout() throws {
    let pair = try Pair()
    try pair.here {
      let pins = try PinFolder(root: "\(pair.folder)/bpf")
      let map = try BPFMap<UInt32, UInt32>.create(.array, name: "hyperion_state", capacity: 1)
      try map.descriptor.pin(pins.map("hyperion_state"))
    }
    let error = #expect(throws: TelosError.self) { _ = try pair.hyperion() }
    #expect(error?.code == .kernel)
    #expect(error?.hint?.contains("\(pair.folder)/bpf/telos/") == true)
  }
}
