internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// How much of what the gates' maps hold. They are allocated when the gates load and keep their size as long as they are
/// pinned: other figures take effect after the next start of the machine.
public struct GateSizes: Sendable, Hashable, Codable {
  /// Processes and threads of all agents. 88 bytes each.
  public var processes = Int(TELOS_TASKS)
  /// Files that agents wrote. 96 bytes each.
  public var files = Int(TELOS_INODES)
  /// Rules of all agents. 128 bytes each.
  public var rules = Int(TELOS_RULES)
  /// Address windows of all agents. 184 bytes each, when they are used.
  public var windows = Int(TELOS_WINDOWS)
  /// Addresses of all agents that answers of the DNS proxy opened. 208 bytes each.
  public var names = Int(TELOS_NAMES)

  public init() {}

  /// What each may be, by the name of its property. The lower ends let a canary and a few agents live.
  public static let bounds: [String: ClosedRange<Int>] = [
    "processes": 1024...4_194_304, "files": 4096...16_777_216, "rules": 1024...4_194_304,
    "windows": 256...1_048_576, "names": 256...1_048_576,
  ]

  /// The configurable maps, by their names in the kernel.
  var maps: [String: Int] {
    ["tasks": processes, "inodes": files, "rules": rules, "windows": windows, "names": names]
  }
}

/// How full one of the gates' maps is.
public struct MapUse: Sendable, Hashable, Codable {
  /// For people: `files`, `processes`.
  public var name: String
  public var used: Int
  public var capacity: Int
  /// What was asked for, where the map is of another size: it takes effect after the next start of the machine.
  public var configured: Int?

  public init(name: String, used: Int, capacity: Int, configured: Int? = nil) {
    self.name = name
    self.used = used
    self.capacity = capacity
    self.configured = configured
  }
}

extension AgentTable {
  /// How full the maps are that agents fill. Reads all of them, which takes some ten milliseconds where they are full.
  public func use() throws(TelosError) -> [MapUse] {
    let slots = try Self.slots(maps)
    let (rules, windows, files) = try kernel { () throws(BPFError) in
      (try maps.rules.occupancy(), try maps.windows.occupancy(), try maps.inodes.occupancy())
    }
    let opened = names.withLock { $0.all }
    let (freeTails, freeDomains) = state.withLock { ($0.freeTails.count, $0.freeDomains.count) }
    let sizes = gates.sizes
    func use(_ name: String, _ used: Int, _ capacity: Int, _ wanted: Int? = nil) -> MapUse {
      MapUse(
        name: name, used: used, capacity: capacity, configured: wanted == capacity ? nil : wanted)
    }
    return [
      use("agents", slots.count, Int(TELOS_AGENTS) - 1),
      use(
        "processes", slots.reduce(0) { $0 + Int($1.record.tasks) }, maps.tasks.capacity,
        sizes?.processes),
      use("files", files, maps.inodes.capacity, sizes?.files),
      use("rules", rules, maps.rules.capacity, sizes?.rules),
      use("windows", windows, maps.windows.capacity, sizes?.windows),
      use("names", opened, maps.names.capacity, sizes?.names),
      use("folders", Int(TELOS_TAIL_SETS) - 1 - freeTails, Int(TELOS_TAIL_SETS) - 1),
      use("domains", Int(TELOS_DOMAINS) - 1 - freeDomains, Int(TELOS_DOMAINS) - 1),
    ]
  }
}
