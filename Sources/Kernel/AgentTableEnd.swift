internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

extension AgentTable {
  /// Frees what ended agents leave behind: agents without tasks for `linger` seconds, so that what their sockets
  /// still have to say is judged by their own record, and agents whose cookie ran out unused. An agent that has a place
  /// stays.
  ///
  /// - Returns: the ids that are gone now.
  @discardableResult
  public func sweep(linger: UInt64 = 60) throws(TelosError) -> [UInt64] {
    try state.withLock { state throws(TelosError) in
      let now = BootClock.now
      try removeCookies { $0.expires_ns < now }
      let waiting = Set(
        try kernel { () throws(BPFError) in
          try maps.cookies.entries().map(\.value.agent) + maps.places.entries().map(\.value.agent)
            + maps.cgroups.entries().map(\.value.agent)
        })
      var gone: [UInt64] = []
      let slots = try Self.slots(maps)
      for (_, record) in slots {
        guard record.tasks == 0, !waiting.contains(record.id) else {
          state.ended[record.id] = nil
          continue
        }
        let since = state.ended[record.id] ?? now
        state.ended[record.id] = since
        guard now - since >= linger * 1_000_000_000 else { continue }
        try erase(record.id, &state)
        gone.append(record.id)
      }
      if waiting.isEmpty, slots.allSatisfy({ $0.record.tasks == 0 }) { try collect(&state) }
      return gone
    }
  }

  /// Frees one ended agent at once.
  ///
  /// - Throws: `conflict` while it has tasks.
  public func remove(_ id: UInt64) throws(TelosError) {
    try state.withLock { state throws(TelosError) in
      try removeCookies { $0.agent == id }
      if let record = try Self.slots(maps).first(where: { $0.record.id == id })?.record,
        record.tasks != 0
      {
        throw TelosError(.conflict, "agent \(id) still has \(record.tasks) tasks")
      }
      try erase(id, &state)
    }
  }

  /// Takes out all entries of an agent, its slot last: a slot that is free is clean.
  func erase(_ id: UInt64, _ state: inout State) throws(TelosError) {
    try removeCookies { $0.agent == id }
    try kernel { () throws(BPFError) in
      for entry in try maps.rules.entries() where entry.key.agent == id {
        if try maps.rules.remove(entry.key) {
          filter.lower(FileIdentity(entry.key.inode))
          if entry.value.tails != 0 { state.freeTails.append(entry.value.tails) }
        }
      }
      for entry in try maps.windows.entries() where entry.key.agentID == id {
        try maps.windows.remove(entry.key)
      }
    }
    for (slot, record) in try Self.slots(maps) where record.id == id {
      try kernel { () throws(BPFError) in try maps.agents.update(slot, telos_agent()) }
    }
    state.ended[id] = nil
  }

  /// Drops the files of ended agents that hold nothing sensitive: of those an agent wrote, the mark stays.
  ///
  /// Only while no agent runs: programs change entries in place, and to write one from here could undo that.
  private func collect(_ state: inout State) throws(TelosError) {
    let running = Set(try Self.slots(maps).map(\.record.id))
    let entries = try kernel { () throws(BPFError) in try maps.inodes.entries() }
    var kept: [UInt32] = []
    for (inode, entry) in entries {
      let domainState = entry.domain == 0 ? 0 : try domain(entry.domain).state
      guard domainState == 0, !running.contains(entry.agent) else {
        kept.append(entry.domain)
        continue
      }
      try kernel { () throws(BPFError) in
        if entry.flags & TELOS_INODE_WRITTEN.rawValue == 0 {
          if try maps.inodes.remove(inode) { filter.lower(FileIdentity(inode)) }
        } else if entry.domain != 0 || entry.agent != 0 {
          try maps.inodes.update(
            inode, telos_inode_entry(agent: 0, domain: 0, flags: entry.flags), .replace)
        }
      }
    }
    try collectDomains(kept, &state)
  }

  /// Makes the domains that nothing names free again.
  func collectDomains(_ ofInodes: [UInt32], _ state: inout State) throws(TelosError) {
    let used = try Self.usedDomains(maps, ofInodes)
    let free = Set(state.freeDomains)
    for index in 1..<UInt32(TELOS_DOMAINS) where !used.contains(index) && !free.contains(index) {
      try kernel { () throws(BPFError) in try maps.domains.update(index, telos_domain()) }
      state.freeDomains.append(index)
    }
  }
}
