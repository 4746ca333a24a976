internal import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

extension AgentTable {
  /// Writes an agent and all of its policy: record, domain, rules, windows. It starts when a process hands over
  /// a cookie of it, see ``cookie(for:lifetime:)``, or enters its place, see ``hold(_:for:ttl:opener:below:)``.
  ///
  /// - Parameters:
  ///   - id: never used before, and higher than all that the kernel held when this table was opened. Starts overtake each
  ///     other, so they need not arrive in order.
  ///   - uid: of the user whose process will be the agent.
  ///   - quota: its share of the maps; nil: the share that this table was opened with.
  ///   - waits: its time begins with the first process that enters its place, not now.
  ///   - isCanary: its events make no incident.
  ///   - judge: the mark of the build that alone judges it; 0, as for every agent but a canary: all that are attached.
  /// - Throws: `invalidArgument` for a policy that does not fit the kernel's shapes, `unavailable` when a map is
  ///   full; nothing of it remains then.
  @discardableResult
  public func add(
    id: UInt64, policy: AgentPolicy, uid: UInt32, quota: AgentQuota? = nil,
    waits: Bool = false, isCanary: Bool = false, judge: UInt16 = 0
  ) throws(TelosError) -> AgentRecord {
    let (form, quota) = (try KernelPolicy(policy), quota ?? self.quota)
    var sets: [FileIdentity: telos_tail_set] = [:]
    for (file, rule) in form.rules where !rule.tails.isEmpty {
      sets[file] = try telos_tail_set(rule.tails)
    }
    return try state.withLock { state throws(TelosError) in
      guard state.ids.isNew(id) else {
        throw TelosError(.internalError, "agent id \(id) was already used")
      }
      let slot = try freeSlot()
      guard let domain = try freeDomain(&state) else { throw Self.full("domains") }
      state.ids.use(id)
      do throws(TelosError) {
        try write(form, sets, id, &state)
        var record = telos_agent()
        record.id = id
        record.expires_ns = waits ? 0 : BootClock.now + policy.ttl * 1_000_000_000
        record.domain = domain
        record.flags = form.flags | (isCanary ? TELOS_AGENT_CANARY.rawValue : 0)
        record.flags |= UInt32(judge) << UInt32(TELOS_AGENT_JUDGE_SHIFT)
        record.tasks_quota = quota.tasks
        record.inodes_quota = quota.inodes
        record.uid = uid
        if form.flags & TELOS_AGENT_NAMES.rawValue != 0 {
          record.names_port = policy.namesPort
          record.mark = AgentMark.random(slot: slot).rawValue
        }
        try kernel { () throws(BPFError) in
          try maps.domains.update(domain, telos_domain())
          try maps.agents.update(slot, record)
        }
        state.isLittered = true
        return AgentRecord(record, slot: slot, root: domain, domainState: 0)
      } catch {
        try? erase([id], &state)
        state.freeDomains.append(domain)
        throw error
      }
    }
  }

  /// Makes a secret with which one process of the agent's user becomes the agent, once, within `lifetime` seconds.
  public func cookie(for id: UInt64, lifetime: UInt64 = 30) throws(TelosError) -> RegistrationCookie
  {
    guard let agent = try agent(id) else { throw TelosError(.notFound, "there is no agent \(id)") }
    let cookie = RegistrationCookie.random()
    let registration = telos_registration(
      agent: id, expires_ns: BootClock.now + lifetime * 1_000_000_000, slot: agent.slot,
      uid: agent.uid)
    do throws(BPFError) {
      try maps.cookies.update(
        telos_cookie(high: cookie.high, low: cookie.low), registration, .insert)
    } catch {
      throw error.code == 7 ? Self.full("cookies") : TelosError(error)
    }
    return cookie
  }

  /// Takes back the cookies of an agent that did not start.
  func removeCookies(_ include: (telos_registration) -> Bool) throws(TelosError) {
    try kernel { () throws(BPFError) in
      for entry in try maps.cookies.entries() where include(entry.value) {
        try maps.cookies.remove(entry.key)
      }
    }
  }

  private func freeSlot() throws(TelosError) -> UInt32 {
    let slots = try kernel { () throws(BPFError) in try maps.agents.entries() }
    for (slot, record) in slots.sorted(by: { $0.key < $1.key })
    where slot != 0 && record.id == 0 && record.tasks == 0 {
      return slot
    }
    throw Self.full("agents")
  }

  private func freeDomain(_ state: inout State) throws(TelosError) -> UInt32? {
    if state.freeDomains.isEmpty {
      var ofFiles: Set<UInt32> = []
      try kernel { () throws(BPFError) in
        try maps.inodes.forEach { _, entry in ofFiles.insert(entry.domain) }
      }
      try collectDomains(ofFiles, &state)
    }
    return state.freeDomains.popLast()
  }

  private func write(
    _ form: KernelPolicy, _ sets: [FileIdentity: telos_tail_set], _ id: UInt64, _ state: inout State
  ) throws(TelosError) {
    var keys: [telos_rule_key] = []
    var values: [telos_rule] = []
    for (file, rule) in form.rules where sets[file] == nil {
      keys.append(telos_rule_key(agent: id, file))
      values.append(telos_rule(rule, tails: 0))
    }
    for key in keys { filter.raise(FileIdentity(key.inode)) }
    do throws(BPFError) { try maps.rules.update(keys, values) } catch {
      // The caller takes back what went in; the cells of the rest are lowered here.
      for key in keys {
        guard (try? maps.rules.lookup(key)) == nil else { continue }
        filter.lower(FileIdentity(key.inode))
      }
      throw error.code == 7 ? Self.full("rules") : TelosError(error)
    }
    for (file, set) in sets {
      guard let rule = form.rules[file] else { continue }
      guard let index = state.freeTails.popLast() else { throw Self.full("tails") }
      filter.raise(file)
      do throws(BPFError) {
        try maps.tails.update(index, set)
        try maps.rules.update(
          telos_rule_key(agent: id, file), telos_rule(rule, tails: index), .insert)
      } catch {
        filter.lower(file)
        state.freeTails.append(index)
        throw error.code == 7 ? Self.full("rules") : TelosError(error)
      }
    }
    for (block, ports) in form.windows { try write(block, ports, id) }
    for (block, ports) in form.inbound { try write(block, ports, id, inbound: true) }
  }

  func write(_ block: IPPrefix, _ ports: [PortRule], _ id: UInt64, inbound: Bool = false)
    throws(TelosError)
  {
    do throws(BPFError) {
      try maps.windows.update(
        telos_window_key(agent: id, block, inbound: inbound), telos_window(ports))
    } catch {
      throw error.code == 28 ? Self.full("windows") : TelosError(error)  // ENOSPC
    }
  }

  static func full(_ map: String) -> TelosError {
    TelosError(
      .unavailable, "the kernel map \(map) is full",
      hint: "end some agents, or shorten their intents")
  }
}
