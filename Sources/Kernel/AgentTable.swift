internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// The agents in the kernel: their records, rules, windows, cookies, files and domains. One per ``Gates``.
///
/// User space writes what belongs to an agent before it starts and takes it away after it ended; in between
/// the kernel owns its record, and only windows still change. Calls block briefly, from any thread.
public final class AgentTable: Sendable {
  let gates: Gates
  let maps: GateMaps
  let filter: InodeFilter
  let sharedMemory: SharedMemoryFolder?
  /// Of agents for whom nothing else is said.
  let quota: AgentQuota
  let state: Mutex<State>
  /// Guards read, change and write of the map of the same name. Taken after ``state``, where both are.
  let names: Mutex<NameCounts>

  struct State {
    /// Free indices of `tails` and `domains`, lowest first at the end.
    var freeTails: [UInt32]
    var freeDomains: [UInt32]
    /// When an agent was first seen without tasks.
    var ended: [UInt64: UInt64] = [:]
    /// Something ran since the last ``AgentTable/collect(_:)``.
    var isLittered = true
    var ids: AgentIDs
  }

  /// Reads what the kernel holds, also from before a restart of the daemon.
  ///
  /// - Parameters:
  ///   - quota: the share of each agent for whom nothing else is said.
  ///   - sharedMemory: for tests; absent: the machine's `/dev/shm`.
  public init(_ gates: Gates, quota: AgentQuota = AgentQuota(), sharedMemory: String? = nil)
    throws(TelosError)
  {
    self.gates = gates
    self.quota = quota
    self.sharedMemory = SharedMemoryFolder(path: sharedMemory)
    let maps = gates.maps
    self.maps = maps
    filter = InodeFilter(maps.globals)
    let rules = try kernel { () throws(BPFError) in try maps.rules.entries() }
    let usedTails = Set(rules.map(\.value.tails))
    var highest = rules.map(\.key.agent).max() ?? 0
    var ofFiles: Set<UInt32> = []
    try kernel { () throws(BPFError) in
      try maps.inodes.forEach { _, entry in
        highest = max(highest, entry.agent)
        ofFiles.insert(entry.domain)
      }
    }
    let used = try Self.usedDomains(maps, ofFiles)
    let agents = try Self.slots(maps)
    highest = max(highest, agents.map(\.record.id).max() ?? 0)
    names = Mutex(try NameCounts(maps))
    state = Mutex(
      State(
        freeTails: (1..<UInt32(TELOS_TAIL_SETS)).reversed().filter { !usedTails.contains($0) },
        freeDomains: (1..<UInt32(TELOS_DOMAINS)).reversed().filter { !used.contains($0) },
        ids: AgentIDs(floor: highest)))
  }

  /// The highest agent id that the kernel has ever held, as far as its maps still say. The caller gives higher ones
  /// to new agents, each once, and persists its own mark, because maps end with the machine.
  public var highestID: UInt64 { state.withLock { $0.ids.highest } }

  /// Every agent that holds a slot, also those whose tasks are all gone.
  public func agents() throws(TelosError) -> [AgentRecord] {
    var result: [AgentRecord] = []
    for (slot, record) in try Self.slots(maps) {
      let (root, domainState) = try domain(record.domain)
      result.append(AgentRecord(record, slot: slot, root: root, domainState: domainState))
    }
    return result
  }

  /// Nil for an id that holds no slot.
  public func agent(_ id: UInt64) throws(TelosError) -> AgentRecord? {
    try agents().first { $0.id == id }
  }

  /// The same by its slot: one look-up. Nil where the slot is another's by now, or nobody's.
  public func agent(_ id: UInt64, slot: UInt32) throws(TelosError) -> AgentRecord? {
    let held = try kernel { () throws(BPFError) in try maps.agents.lookup(slot) }
    guard let held, held.id == id else { return nil }
    let (root, domainState) = try domain(held.domain)
    return AgentRecord(held, slot: slot, root: root, domainState: domainState)
  }

  /// Of every agent that holds a slot: its events so far that the kernel counted and did not send.
  public func withheld() throws(TelosError) -> [UInt64: UInt64] {
    Dictionary(
      try Self.slots(maps).map { ($0.record.id, $0.record.withheld) }, uniquingKeysWith: max)
  }

  static func slots(_ maps: GateMaps) throws(TelosError) -> [(slot: UInt32, record: telos_agent)] {
    try kernel { () throws(BPFError) in
      try maps.agents.entries().filter { $0.value.id != 0 }.map { ($0.key, $0.value) }
        .sorted { $0.0 < $1.0 }
    }
  }

  /// The root of a domain, and the state that it carries.
  func domain(_ index: UInt32) throws(TelosError) -> (root: UInt32, state: UInt32) {
    try kernel { () throws(BPFError) in
      var (index, steps) = (index, 0)
      while let entry = try maps.domains.lookup(index), steps < 65536 {
        if entry.parent == 0 || entry.parent == index { return (index, entry.state) }
        (index, steps) = (entry.parent, steps + 1)
      }
      return (0, AgentState([.tainted, .slammed]).rawValue)
    }
  }

  /// Domains that an agent or a file names, and those above them.
  static func usedDomains(_ maps: GateMaps, _ ofFiles: Set<UInt32>) throws(TelosError) -> Set<
    UInt32
  > {
    try DomainForest(maps).used(ofFiles.union(try slots(maps).map(\.record.domain)))
  }
}
