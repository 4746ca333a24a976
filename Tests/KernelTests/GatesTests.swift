import AddressSets
import BPFKit
import CCanary
import CTelosABI
import Glibc
import Synchronization
import TelosCore
import Testing

@testable import Kernel

/// Needs a kernel that admits LSM programs: the lab's. It attaches to the whole machine.
let admitsGates = isRoot && Probe.lsmRefusal() == nil

@Suite("The gates in the kernel", .serialized, .enabled(if: admitsGates))
struct GatesTests {
  func open(_ object: String = bpfObject("gates")) throws -> Gates {
    let outcome = try Gates.open(
      Gates.Configuration(object: object, pins: try PinFolder(), root: try ControlGroupRoot()))
    guard case .attached(let gates) = outcome else { throw Failed(what: "hyperion-only") }
    return gates
  }

  func prove(_ gates: Gates, _ resolver: (any FileResolver)? = nil) throws -> [GateReport] {
    let table = try AgentTable(gates)
    let canary = Canary(gates: gates, table: table, resolver: resolver ?? Resolver(gates))
    return try canary.prove(id: table.highestID + 1, folder: "/run/telos")
  }

  @Test("every gate is attached, and the canary proves each of them")
  func canary() throws {
    let gates = try open()
    for report in gates.reports { #expect(report.enforced, "\(report.gate): \(report.reason)") }
    for report in try prove(gates) { #expect(report.enforced, "\(report.gate): \(report.reason)") }
    #expect(try AgentTable(gates).agents().isEmpty)
    #expect(try gates.counters().slams >= 1)
  }

  @Test("a daemon that starts again takes up what is attached")
  func reuse() throws {
    let first = try open()
    let again = try open()
    #expect(again.reused)
    #expect(again.build == first.build)
    for report in try prove(again) { #expect(report.enforced, "\(report.gate): \(report.reason)") }
  }

  @Test("another build stands beside the first until it is proved, then takes its place")
  func upgrade() throws {
    let first = try open()
    let bytes = try DurableFile.read(bpfObject("gates"))
    let other = "/run/other.bpf.o"
    try DurableFile.write(bytes + [0], to: other)  // the same programs, another digest
    let second = try open(other)
    #expect(!second.reused)
    #expect(second.build != first.build)
    let links = GateLinks(second.pins)
    #expect(links.build() == first.build)
    let both = try prove(second)
    for report in both { #expect(report.enforced, "\(report.gate): \(report.reason)") }
    #expect(try AgentTable(second).agents().isEmpty)
    try second.abandon()
    #expect(try open().reused)
    let third = try open(other)
    for report in try prove(third) { #expect(report.enforced, "\(report.gate): \(report.reason)") }
    try third.commit()
    #expect(links.build() == third.build)
    #expect(try open(other).reused)
    for report in try prove(third) { #expect(report.enforced, "\(report.gate): \(report.reason)") }
    let back = try open()
    try back.commit()
  }

  @Test("the canary fails where the programs are not attached")
  func detached() throws {
    let gates = try open()
    for name in try GateLinks(gates.pins).attached() { try gates.pins.unpin(gates.pins.link(name)) }
    // Programs leave their hooks one by one, in the background.
    var reports: [GateReport] = []
    for _ in 0..<240 where reports.isEmpty || reports.contains(where: \.enforced) {
      usleep(500_000)
      // The kernel no longer says what the decoy is; nothing depends on it here.
      reports = try prove(gates, StatResolver())
    }
    for report in reports { #expect(!report.enforced, "\(report.gate)") }
    try expectReattached()
  }

  private func expectReattached() throws {
    let gates = try open()
    #expect(!gates.reused)
    for report in try prove(gates) { #expect(report.enforced, "\(report.gate): \(report.reason)") }
  }

  @Test("the kernel says what a path is, with the generation that the file system gave it")
  func resolver() throws {
    let gates = try open()
    let resolver = Resolver(gates)
    // tmpfs has generations but does not tell them: only inode and device can be compared there.
    for path in ["/run/resolved", "/mnt/ext4/resolved"]
    where access(path.replacing("/resolved", with: ""), W_OK) == 0 {
      try DurableFile.write([1], to: path)
      let answer = try resolver.identities(of: path)
      let plain = try StatResolver().identities(of: path)
      #expect(answer.count == 1)
      #expect(answer.first?.inode == plain.first?.inode)
      #expect(answer.first?.device == plain.first?.device)
      if path.hasPrefix("/mnt") {
        #expect(answer == plain)
        #expect(answer.first?.generation != 0)
      }
    }
    let system = try resolver.identities(of: "/bin/sh")
    #expect((1...2).contains(system.count))
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = "/run/resolved.sock"
    unlink(name)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(name.utf8)) }
    let bound = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try require(bound == 0, "bind")
    #expect(
      try resolver.identities(of: name).first?.inode
        == StatResolver().identities(of: name).first?.inode)
    close(socket)
    #expect(throws: TelosError.self) { try resolver.identities(of: "/nowhere/at/all") }
    #expect(throws: TelosError.self) { try resolver.identities(of: "/dev/null") }
  }

  @Test("events say in words what the canary met")
  func events() throws {
    let gates = try open()
    let seen = Mutex<[KernelEvent]>([])
    let reader = try KernelEvents(gates) { batch in seen.withLock { $0 += batch } }
    _ = try prove(gates)
    usleep(500_000)
    reader.stop()
    let events = seen.withLock { $0 }.filter(\.isCanary)
    let last = events.last?.agent
    let own = events.filter { $0.agent == last }
    #expect(own.contains { $0.kind == .started })
    #expect(own.contains { $0.kind == .ended })
    let slam = try #require(own.first { $0.kind == .slammed })
    #expect(slam.gate == .file)
    #expect(slam.hook == .fileOpen)
    #expect(slam.reason == .file)
    #expect(slam.path.description.hasSuffix("/decoy"))
    #expect(slam.lineage.first?.pid == slam.pid)
    let exec = try #require(own.first { $0.gate == .exec && $0.kind == .denied })
    #expect(exec.reason == .notApproved)
    #expect(exec.error == EACCES)
    let connect = try #require(own.first { $0.hook == .socketConnect })
    #expect(connect.address == IPAddress(v4: 0x7f00_0001))
    #expect(connect.reason == .noWindow)
    #expect(connect.transport == "tcp")
    #expect(own.contains { $0.kind == .denied && $0.linked == slam.sequence })
  }
}
