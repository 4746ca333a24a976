import BPFKit
import CTelosABI
import Glibc
import TelosCore
import Testing

@testable import Kernel

/// A folder stands in for the tree of cgroups: a number is an inode's in both.
@Suite("Places in the kernel's maps", .serialized, .enabled(if: isRoot))
struct PlaceTests {
  let kernel: GateMapsOnly
  let root: ControlGroupRoot
  var table: AgentTable { kernel.table }
  var maps: GateMaps { kernel.gates.maps }

  init() throws {
    kernel = try GateMapsOnly()
    var template = Array("/tmp/telos-places-XXXXXX".utf8CString)
    try require(mkdtemp(&template) != nil, "make a folder")
    root = ControlGroupRoot(standIn: String(cString: template))
  }

  func add(_ id: UInt64) throws {
    try table.add(id: id, policy: AgentPolicy(), uid: 0, waits: true)
  }

  func number(of place: String) throws -> UInt64 { try #require(root.number(of: place)) }

  func setTasks(_ tasks: UInt32, of id: UInt64) throws {
    let (slot, record) = try #require(
      try maps.agents.entries().first { $0.value.id == id }.map { ($0.key, $0.value) })
    var changed = record
    changed.tasks = tasks
    try maps.agents.update(slot, changed)
  }

  @Test("an agent that waits has no end yet, and stays as long as it has a place")
  func waiting() throws {
    try add(7)
    let record = try #require(try table.agent(7))
    #expect(record.expires == 0 && !record.hasStarted)
    try table.hold("/work.slice/a.service", for: 7, ttl: 60, below: root)
    #expect(try table.places() == ["/work.slice/a.service": 7])
    #expect(try maps.bound.lookup(0) == 1)
    #expect(try table.sweep(linger: 0) == [])
    try table.release("/work.slice/a.service")
    #expect(try table.sweep(linger: 0) == [7])
  }

  @Test("the kernel's entry has slot and time, and a path padded with zeros")
  func form() throws {
    try add(7)
    try table.hold("/a", for: 7, ttl: 60, below: root)
    let entry = try #require(try maps.places.entries().first)
    #expect(entry.value.agent == 7 && entry.value.ttl_ns == 60_000_000_000)
    #expect(entry.value.slot == (try table.agent(7)?.slot))
    withUnsafeBytes(of: entry.key) { bytes in
      #expect(Array(bytes.prefix(3)) == [0x2f, 0x61, 0])
      #expect(bytes.dropFirst(2).allSatisfy { $0 == 0 })
    }
  }

  @Test("a cgroup that is there is bound, unless another agent still lives in it")
  func present() throws {
    mkdir("\(root.path)/a", 0o755)
    let number = try number(of: "/a")
    try add(7)
    try table.hold("/a", for: 7, ttl: 60, below: root)
    #expect(try maps.cgroups.lookup(number)?.agent == 7)
    #expect(try table.holds("/a", for: 7, below: root))
    try setTasks(1, of: 7)
    try add(8)
    try table.hold("/a", for: 8, ttl: 60, below: root)
    #expect(try maps.cgroups.lookup(number)?.agent == 7)
    #expect(try table.places() == ["/a": 8], "the next cgroup of this path is the new one's")
    #expect(try table.holds("/a", for: 8, below: root), "nothing to be done yet")
    try setTasks(0, of: 7)
    #expect(try !table.holds("/a", for: 8, below: root))
    try table.hold("/a", for: 8, ttl: 60, below: root)
    #expect(try maps.cgroups.lookup(number)?.agent == 8)
  }

  @Test("a place that is given up stays its agent's until nobody lives there")
  func givenUp() throws {
    mkdir("\(root.path)/a", 0o755)
    try add(7)
    try table.hold("/a", for: 7, ttl: 60, below: root)
    try setTasks(1, of: 7)
    try table.release("/a")
    try table.sweepPlaces()
    #expect(try table.settled() == [7])
    try setTasks(0, of: 7)
    try table.sweepPlaces()
    #expect(try table.settled().isEmpty)
    #expect(try maps.bound.lookup(0) == 0)
  }

  @Test("a container's cgroup is one agent's, and is not given up with the places")
  func containers() throws {
    try add(7)
    try add(8)
    try table.bind(cgroup: 4711, to: 7, ttl: 60)
    #expect(throws: TelosError.self) { try table.bind(cgroup: 4711, to: 8, ttl: 60) }
    try table.sweepPlaces()
    #expect(try table.settled() == [7])
    #expect(try maps.bound.lookup(0) == 1)
    try table.unbind(cgroup: 4711)
    try table.sweepPlaces()
    #expect(try table.settled().isEmpty)
  }

  @Test(
    "what is no path of a cgroup is refused",
    arguments: ["", "/", "a", "/a/", "/" + String(repeating: "a", count: 254)])
  func badPath(path: String) throws {
    try add(7)
    #expect(throws: TelosError.self) { try table.hold(path, for: 7, ttl: 60, below: root) }
    #expect(throws: TelosError.self) {
      try table.hold(String(repeating: "/a", count: 17), for: 7, ttl: 60, below: root)
    }
    #expect(try table.places().isEmpty)
  }
}
