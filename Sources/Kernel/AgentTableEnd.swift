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
        if now - since >= linger * 1_000_000_000 { gone.append(record.id) }
      }
      if !gone.isEmpty { try erase(Set(gone), &state) }
      if state.isLittered, waiting.isEmpty, slots.allSatisfy({ $0.record.tasks == 0 }) {
        try collect(&state)
        state.isLittered = slots.count > gone.count
      }
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
      try erase([id], &state)
    }
  }

  /// Takes out all entries of ended agents, their slots last: a slot that is free is clean.
  func erase(_ ids: Set<UInt64>, _ state: inout State) throws(TelosError) {
    try removeCookies { ids.contains($0.agent) }
    try kernel { () throws(BPFError) in
      for entry in try maps.rules.entries() where ids.contains(entry.key.agent) {
        if try maps.rules.remove(entry.key) {
          filter.lower(FileIdentity(entry.key.inode))
          if entry.value.tails != 0 { state.freeTails.append(entry.value.tails) }
        }
      }
      for entry in try maps.windows.entries() where ids.contains(entry.key.agentID) {
        try maps.windows.remove(entry.key)
      }
    }
    try eraseNames(of: ids)
    let slots = try Self.slots(maps)
    if slots.contains(where: { ids.contains($0.record.id) && $0.record.inodes > 0 }) {
      try removePrivate(of: ids, slots.map(\.record))
    }
    for (slot, record) in slots where ids.contains(record.id) {
      try kernel { () throws(BPFError) in try maps.agents.update(slot, telos_agent()) }
    }
    for id in ids { state.ended[id] = nil }
    state.isLittered = true
  }

  /// Unlinks the shared memory of ended agents, and drops the entries of what was theirs alone.
  private func removePrivate(of ids: Set<UInt64>, _ records: [telos_agent]) throws(TelosError) {
    var entries: [(key: telos_inode, value: telos_inode_entry)] = []
    try kernel { () throws(BPFError) in
      try maps.inodes.forEach { inode, entry in
        if ids.contains(entry.agent), entry.isPrivate { entries.append((inode, entry)) }
      }
    }
    guard !entries.isEmpty else { return }
    let device = sharedMemory?.device
    let segments = entries.filter {
      $0.key.dev == device && $0.value.flags & TELOS_INODE_PRIVATE.rawValue != 0
    }
    let unlinked = sharedMemory?.remove(Set(segments.map(\.key.ino))) ?? []
    // Whoever else is of the domain may have it open still, and another domain's data may not come near it unseen.
    let forest = try DomainForest(maps)
    let living = Set(
      records.filter { !ids.contains($0.id) }.map { forest.root(of: $0.domain).root })
    for (inode, entry) in entries {
      let (root, state) = forest.root(of: entry.domain)
      let isGone = inode.dev == device && unlinked.contains(inode.ino)
      if !living.contains(root), state == 0 || isGone { try drop(inode) }
    }
  }

  /// Takes out an entry of the map of files; the charge on its agent stays, so not for agents that run.
  @discardableResult
  func drop(_ inode: telos_inode) throws(TelosError) -> Bool {
    let wasThere = try kernel { () throws(BPFError) in try maps.inodes.remove(inode) }
    if wasThere { filter.lower(FileIdentity(inode)) }
    return wasThere
  }

  /// Drops the files of ended agents that hold nothing sensitive: of those an agent wrote, the mark stays.
  ///
  /// Only while no agent runs: programs change entries in place, and to write one from here could undo that.
  private func collect(_ state: inout State) throws(TelosError) {
    let running = Set(try Self.slots(maps).map(\.record.id))
    let forest = try DomainForest(maps)
    var kept: Set<UInt32> = []
    var stale: [(inode: telos_inode, replacement: telos_inode_entry?)] = []
    try kernel { () throws(BPFError) in
      try maps.inodes.forEach { inode, entry in
        guard !running.contains(entry.agent) else {
          kept.insert(entry.domain)
          return
        }
        let isClean = forest.root(of: entry.domain).state == 0
        if !isClean { kept.insert(entry.domain) }
        let isWritten = entry.flags & TELOS_INODE_WRITTEN.rawValue != 0 && !entry.isPrivate
        if isClean && !isWritten {
          stale.append((inode, nil))
        } else if entry.agent != 0 || isClean && entry.domain != 0 {
          stale.append(
            (
              inode,
              telos_inode_entry(agent: 0, domain: isClean ? 0 : entry.domain, flags: entry.marks)
            ))
        }
      }
    }
    for (inode, replacement) in stale {
      guard let replacement else {
        try drop(inode)
        continue
      }
      do throws(BPFError) { try maps.inodes.update(inode, replacement, .replace) } catch {
        // ENOENT: the file was deleted meanwhile.
        guard error.code == 2 else { throw TelosError(error) }
      }
    }
    try collectDomains(kept, &state)
  }

  /// Makes the domains that nothing names free again.
  func collectDomains(_ ofFiles: Set<UInt32>, _ state: inout State) throws(TelosError) {
    let used = try Self.usedDomains(maps, ofFiles)
    let free = Set(state.freeDomains)
    for index in 1..<UInt32(TELOS_DOMAINS) where !used.contains(index) && !free.contains(index) {
      try kernel { () throws(BPFError) in try maps.domains.update(index, telos_domain()) }
      state.freeDomains.append(index)
    }
  }
}

extension telos_inode_entry {
  /// Of one domain alone: shared memory, or a terminal.
  var isPrivate: Bool {
    flags & (TELOS_INODE_PRIVATE.rawValue | TELOS_INODE_TERMINAL.rawValue) != 0
  }

  /// Its flags, without the slot of the agent that it is charged to.
  var marks: UInt32 { flags & (1 << UInt32(TELOS_INODE_SLOT_SHIFT) - 1) }
}
