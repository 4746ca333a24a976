public import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

extension AgentTable {
  /// Opens or changes a window of an agent that runs, as the DNS proxy does for an answer. It replaces the
  /// window of the very same prefix.
  public func open(_ window: WindowRule, for id: UInt64) throws(TelosError) {
    try KernelPolicy.check(window)
    try state.withLock { _ throws(TelosError) in
      if window.prefix.shadowsV4 {
        let hole = telos_window_key(agent: id, .mappedBlock)
        let present = try kernel { () throws(BPFError) in try maps.windows.lookup(hole) }
        if present == nil { try write(.mappedBlock, [], id) }
      }
      try write(window.prefix, window.ports, id)
    }
  }

  /// Closes the window of this very prefix. New flows and datagrams are refused at once.
  public func close(_ prefix: IPPrefix, for id: UInt64) throws(TelosError) {
    try kernel { () throws(BPFError) in
      _ = try maps.windows.remove(telos_window_key(agent: id, prefix))
    }
  }

  /// The windows of an agent as the kernel holds them, also those that ran out.
  public func windows(of id: UInt64) throws(TelosError) -> [WindowRule] {
    let entries = try kernel { () throws(BPFError) in try maps.windows.entries() }
    var result: [WindowRule] = []
    for (key, window) in entries
    where key.agentID == id && !key.isInbound && window.count > 0 {
      result.append(WindowRule(prefix: try key.block(), ports: window.rules))
    }
    return result.sorted { $0.prefix < $1.prefix }
  }

  /// Reads an agent's maps back and compares them with the policy.
  ///
  /// Windows that were opened since are no difference. What the kernel marks itself (descriptors 0 to 2) is none.
  ///
  /// - Throws: `kernel`, naming the first thing that is not as it should be.
  public func verify(_ id: UInt64, holds policy: AgentPolicy) throws(TelosError) {
    let form = try KernelPolicy(policy)
    for (file, rule) in form.rules {
      let key = telos_rule_key(agent: id, file)
      let held = try kernel { () throws(BPFError) in try maps.rules.lookup(key) }
      guard let held, RuleFlags(rawValue: held.flags & ~TELOS_RULE_STDIO.rawValue) == rule.flags,
        Self.same(held.sha256, telos_rule(rule, tails: 0).sha256), filter.count(file) > 0
      else { throw Self.differs(id, "the rule of inode \(file.inode)") }
      guard !rule.tails.isEmpty else { continue }
      let set = try kernel { () throws(BPFError) in try maps.tails.lookup(held.tails) }
      guard let set, Self.same(set, try telos_tail_set(rule.tails)) else {
        throw Self.differs(id, "the directory rules of inode \(file.inode)")
      }
    }
    for (block, ports) in form.windows {
      try verify(telos_window_key(agent: id, block), ports, id, "the window \(block)")
    }
    for (block, ports) in form.inbound {
      let key = telos_window_key(agent: id, block, inbound: true)
      try verify(key, ports, id, "who may come in from \(block)")
    }
  }

  private func verify(
    _ key: telos_window_key, _ ports: [PortRule], _ id: UInt64, _ what: String
  ) throws(TelosError) {
    let held = try kernel { () throws(BPFError) in try maps.windows.lookup(key) }
    guard let held, held.rules == ports else { throw Self.differs(id, what) }
  }

  private static func same<T: BitwiseCopyable>(_ left: T, _ right: T) -> Bool {
    withUnsafeBytes(of: left) { left in withUnsafeBytes(of: right) { left.elementsEqual($0) } }
  }

  private static func differs(_ id: UInt64, _ what: String) -> TelosError {
    TelosError(.kernel, "agent \(id): \(what) in the kernel differs from the intent")
  }
}
