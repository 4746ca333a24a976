public import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// Addresses that answers of the DNS proxy opened: beside the windows of the intent, and always single ones.
extension AgentTable {
  /// Addresses that one agent may have open at a time, so that none can use up the map of all.
  public static let namesPerAgent = 4096

  /// Opens an address to an agent that runs. What is open already stays: of the same port rule the later end counts.
  ///
  /// It is in force when this returns. Any thread; microseconds, unless the map is full.
  ///
  /// - Parameter ports: at most eight different ones together with those that have not run out yet.
  /// - Throws: `conflict` for a ninth port rule, `unavailable` where the agent or the map has no room. Nothing that has not run
  ///   out yet makes way, and nothing is changed then.
  public func openName(address: IPAddress, ports: [PortRule], for id: UInt64) throws(TelosError) {
    do throws(TelosError) {
      try open(address, ports, id)
    } catch {
      guard error.code == .unavailable, try makeRoom() else { throw error }
      try open(address, ports, id)
    }
  }

  private func open(_ address: IPAddress, _ ports: [PortRule], _ id: UInt64) throws(TelosError) {
    let key = telos_name_key(agent: id, address)
    try names.withLock { names throws(TelosError) in
      let held = try kernel { () throws(BPFError) in try maps.names.lookup(key) }
      let rules = try Self.joined(held?.rules ?? [], ports, address, id)
      if let held, held.rules == rules { return }
      guard held != nil || names[id] < Self.namesPerAgent else {
        throw TelosError(
          .unavailable,
          "agent \(id) has \(Self.namesPerAgent) addresses of names open, and may not have more",
          hint: "wait until some run out, or permit fewer names")
      }
      do throws(BPFError) { try maps.names.update(key, telos_window(rules, of: key)) } catch {
        throw error.code == 7 ? Self.full("names") : TelosError(error)  // E2BIG
      }
      if held == nil { names[id] += 1 }
    }
  }

  private static func joined(
    _ held: [PortRule], _ new: [PortRule], _ address: IPAddress, _ id: UInt64
  ) throws(TelosError) -> [PortRule] {
    let now = BootClock.now
    var rules = held.filter { !$0.isOver(at: now) }
    for rule in new {
      if let index = rules.firstIndex(where: { $0.opensTheSame(as: rule) }) {
        rules[index].expires = rules[index].laterEnd(of: rule)
      } else {
        rules.append(rule)
      }
    }
    guard rules.count <= Int(TELOS_PORTS) else {
      throw TelosError(
        .conflict,
        "\(address) would have \(rules.count) port rules for agent \(id), the kernel holds \(TELOS_PORTS)",
        hint: "let names that share addresses have the same ports")
    }
    return rules
  }

  /// The addresses that answers opened to an agent, as windows, also those that ran out.
  public func names(of id: UInt64) throws(TelosError) -> [WindowRule] {
    var result: [WindowRule] = []
    try kernel { () throws(BPFError) in
      try maps.names.forEach { key, window in
        guard key.agent == id else { return }
        result.append(WindowRule(prefix: IPPrefix(key.host), ports: window.rules))
      }
    }
    return result.sorted { $0.prefix < $1.prefix }
  }

  /// Takes out what has run out, and what belongs to nobody any more. Milliseconds where there is much; openings wait for single
  /// entries only.
  ///
  /// - Returns: how many addresses that were.
  @discardableResult
  public func collectNames() throws(TelosError) -> Int {
    let now = BootClock.now
    var entries: [(key: telos_name_key, isOver: Bool)] = []
    try kernel { () throws(BPFError) in
      try maps.names.forEach { key, window in entries.append((key, window.isOver(at: now))) }
    }
    // In this order: whoever has an entry by now has its slot.
    let living = Set(try Self.slots(maps).map(\.record.id))
    var count = 0
    for (key, isOver) in entries where isOver || !living.contains(key.agent) {
      try names.withLock { names throws(TelosError) in
        // It may have been opened again meanwhile.
        let held = try kernel { () throws(BPFError) in try maps.names.lookup(key) }
        guard let held, held.isOver(at: now) || !living.contains(key.agent) else { return }
        if try takeOut(key, &names) { count += 1 }
      }
    }
    return count
  }

  /// Collects, where that was not tried within the last second.
  private func makeRoom() throws(TelosError) -> Bool {
    let now = BootClock.now
    let isDue = names.withLock { names in
      guard now - names.collected >= 1_000_000_000 else { return false }
      names.collected = now
      return true
    }
    guard isDue else { return false }
    return try collectNames() > 0
  }

  func eraseNames(of ids: Set<UInt64>) throws(TelosError) {
    try names.withLock { names throws(TelosError) in
      guard ids.contains(where: { names[$0] > 0 }) else { return }
      var keys: [telos_name_key] = []
      try kernel { () throws(BPFError) in
        try maps.names.forEach { key, _ in if ids.contains(key.agent) { keys.append(key) } }
      }
      for key in keys { try takeOut(key, &names) }
    }
  }

  @discardableResult
  private func takeOut(_ key: telos_name_key, _ names: inout NameCounts) throws(TelosError) -> Bool
  {
    let wasThere = try kernel { () throws(BPFError) in try maps.names.remove(key) }
    if wasThere { names[key.agent] -= 1 }
    return wasThere
  }

  /// The agent that a mark is of; nil where its slot is another's by now, or nobody's.
  public func agent(marked mark: AgentMark) throws(TelosError) -> AgentRecord? {
    let held = try kernel { () throws(BPFError) in try maps.agents.lookup(mark.slot) }
    guard let held, held.id != 0, held.mark == mark.rawValue else { return nil }
    return try agent(held.id, slot: mark.slot)
  }
}

/// How many entries of the map `names` each agent has.
struct NameCounts {
  private var counts: [UInt64: Int] = [:]
  private(set) var all = 0
  /// When room was last made; boot clock.
  var collected: UInt64 = 0

  init(_ maps: GateMaps) throws(TelosError) {
    var counts: [UInt64: Int] = [:]
    try kernel { () throws(BPFError) in
      try maps.names.forEach { key, _ in counts[key.agent, default: 0] += 1 }
    }
    self.counts = counts
    all = counts.values.reduce(0, +)
  }

  subscript(id: UInt64) -> Int {
    get { counts[id] ?? 0 }
    set {
      all += newValue - self[id]
      counts[id] = newValue > 0 ? newValue : nil
    }
  }
}

extension PortRule {
  fileprivate func isOver(at now: UInt64) -> Bool { expires != 0 && expires <= now }

  /// Whether they differ in their ends at most.
  fileprivate func opensTheSame(as other: PortRule) -> Bool {
    var other = other
    other.expires = expires
    return self == other
  }

  fileprivate func laterEnd(of other: PortRule) -> UInt64 {
    expires == 0 || other.expires == 0 ? 0 : max(expires, other.expires)
  }
}

extension telos_window {
  fileprivate func isOver(at now: UInt64) -> Bool { rules.allSatisfy { $0.isOver(at: now) } }
}
