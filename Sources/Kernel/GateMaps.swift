internal import BPFKit
internal import CTelosABI
internal import TelosCore

/// The pinned maps of the gates, by the names of `telos_abi.h`.
struct GateMaps: Sendable {
  let tasks: BPFMap<UInt64, telos_task>
  let agents: BPFMap<UInt32, telos_agent>
  let domains: BPFMap<UInt32, telos_domain>
  let cookies: BPFMap<telos_cookie, telos_registration>
  let places: BPFMap<telos_place_path, telos_place>
  let cgroups: BPFMap<UInt64, telos_place>
  let bound: BPFMap<UInt32, UInt32>
  let inodes: BPFMap<telos_inode, telos_inode_entry>
  let ipc: BPFMap<UInt64, telos_ipc>
  let rules: BPFMap<telos_rule_key, telos_rule>
  let tails: BPFMap<UInt32, telos_tail_set>
  let windows: BPFMap<telos_window_key, telos_window>
  let names: BPFMap<telos_name_key, telos_window>
  let callers: BPFMap<telos_caller_key, UInt32>
  let sockets: SocketStorage<telos_socket>
  let counters: PerCPUMap<UInt32>
  let slams: Descriptor
  let events: Descriptor
  let globals: SharedMemory

  static let names = [
    "tasks", "agents", "domains", "cookies", "places", "cgroups", "bound", "inodes", "ipc",
    "rules", "tails", "windows", "names", "callers", "sockets", "counters", "slams", "events",
    "globals",
  ]

  init(_ pins: PinFolder) throws(BPFError) {
    tasks = try BPFMap(pinned: pins.map("tasks"), name: "tasks")
    agents = try BPFMap(pinned: pins.map("agents"), name: "agents")
    domains = try BPFMap(pinned: pins.map("domains"), name: "domains")
    cookies = try BPFMap(pinned: pins.map("cookies"), name: "cookies")
    places = try BPFMap(pinned: pins.map("places"), name: "places")
    cgroups = try BPFMap(pinned: pins.map("cgroups"), name: "cgroups")
    bound = try BPFMap(pinned: pins.map("bound"), name: "bound")
    inodes = try BPFMap(pinned: pins.map("inodes"), name: "inodes")
    ipc = try BPFMap(pinned: pins.map("ipc"), name: "ipc")
    rules = try BPFMap(pinned: pins.map("rules"), name: "rules")
    tails = try BPFMap(pinned: pins.map("tails"), name: "tails")
    windows = try BPFMap(pinned: pins.map("windows"), name: "windows")
    names = try BPFMap(pinned: pins.map("names"), name: "names")
    callers = try BPFMap(pinned: pins.map("callers"), name: "callers")
    sockets = try SocketStorage(
      descriptor: Descriptor(pinned: pins.map("sockets")), name: "sockets")
    counters = try PerCPUMap(
      descriptor: Descriptor(pinned: pins.map("counters")), name: "counters")
    slams = try Descriptor(pinned: pins.map("slams"))
    events = try Descriptor(pinned: pins.map("events"))
    globals = try SharedMemory(map: Descriptor(pinned: pins.map("globals")))
    guard globals.count == Int(TELOS_GLOBALS_SIZE.rawValue) else {
      throw BPFError("use global data of \(globals.count) bytes", code: mapMismatch)
    }
  }
}
