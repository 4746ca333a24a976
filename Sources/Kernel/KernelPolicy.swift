internal import AddressSets
internal import CTelosABI
internal import TelosCore

/// A policy as map entries: one rule a file, however many of the intent's lines name it.
struct KernelPolicy {
  struct Rule {
    var flags: RuleFlags
    var sha256: Digest?
    var tails: [TailRule]
  }

  var rules: [FileIdentity: Rule] = [:]
  var windows: [IPPrefix: [PortRule]] = [:]
  var inbound: [IPPrefix: [PortRule]] = [:]
  var flags: UInt32 = 0

  init(_ policy: AgentPolicy) throws(TelosError) {
    for file in policy.files { try add(file) }
    for name in policy.abstractSockets {
      let bytes = Array(name.utf8)
      guard (1...107).contains(bytes.count) else {
        throw TelosError(
          .invalidArgument, "the abstract socket name @\(name) is not 1 to 107 bytes long")
      }
      let identity = FileIdentity(
        inode: telos_hash(bytes, UInt32(bytes.count)), device: TELOS_DEV_ABSTRACT,
        generation: UInt32(bytes.count))
      merge(Rule(flags: .unix, sha256: nil, tails: []), into: identity)
    }
    windows = try Self.table(policy.windows)
    inbound = try Self.table(policy.inbound)
    flags = agentFlags(policy)
  }

  private static func table(_ windows: [WindowRule]) throws(TelosError) -> [IPPrefix: [PortRule]] {
    var table: [IPPrefix: [PortRule]] = [:]
    for window in windows {
      try check(window)
      guard table.updateValue(window.ports, forKey: window.prefix) == nil else {
        throw TelosError(
          .invalidArgument, "two windows of one agent have the prefix \(window.prefix)")
      }
    }
    // A trie of 128 bits would take a wide IPv6 block for one that has the mapped IPv4 addresses in it.
    if table.keys.contains(where: \.shadowsV4), table[.mappedBlock] == nil {
      table[.mappedBlock] = []
    }
    return table
  }

  static func check(_ window: WindowRule) throws(TelosError) {
    guard window.ports.count <= Int(TELOS_PORTS) else {
      throw TelosError(
        .invalidArgument,
        "the window \(window.prefix) has \(window.ports.count) port rules, the kernel holds \(TELOS_PORTS)",
        hint: "join neighbouring ports to ranges")
    }
  }

  private mutating func add(_ file: FileRule) throws(TelosError) {
    guard file.tails.count <= Int(TELOS_TAILS) else {
      throw TelosError(
        .invalidArgument,
        "\(file.path) has \(file.tails.count) directory rules, the kernel holds \(TELOS_TAILS)",
        hint: "join patterns, for example with a suffix")
    }
    guard file.flags.contains(.hash) == (file.sha256 != nil),
      file.flags.contains(.hash) || !file.flags.contains(.verity)
    else {
      throw TelosError(
        .invalidArgument, "\(file.path) has a content rule without its digest, or the reverse")
    }
    let rule = Rule(flags: file.flags, sha256: file.sha256, tails: file.tails)
    for identity in file.identities {
      if let old = rules[identity] {
        if let one = old.sha256, let other = rule.sha256, one != other {
          throw TelosError(.invalidArgument, "\(file.path) is named twice, with different digests")
        }
        let tails = old.tails + rule.tails.filter { !old.tails.contains($0) }
        guard tails.count <= Int(TELOS_TAILS) else {
          throw TelosError(
            .invalidArgument, "\(file.path) has more than \(TELOS_TAILS) directory rules in all")
        }
      }
      merge(rule, into: identity)
    }
  }

  private mutating func merge(_ rule: Rule, into identity: FileIdentity) {
    guard var old = rules[identity] else {
      rules[identity] = rule
      return
    }
    old.flags.formUnion(rule.flags)
    old.sha256 = old.sha256 ?? rule.sha256
    old.tails += rule.tails.filter { !old.tails.contains($0) }
    rules[identity] = old
  }

  private func agentFlags(_ policy: AgentPolicy) -> UInt32 {
    var flags: UInt32 = 0
    if policy.audit { flags |= TELOS_AGENT_AUDIT.rawValue }
    if !inbound.isEmpty { flags |= TELOS_AGENT_LISTENS.rawValue }
    if policy.jit { flags |= TELOS_AGENT_JIT.rawValue }
    if policy.writesWhileTainted { flags |= TELOS_AGENT_WRITES_TAINTED.rawValue }
    if policy.ownLoopback { flags |= TELOS_AGENT_LOOPBACK.rawValue }
    let asks = policy.hasNames && policy.namesPort != 0
    if asks { flags |= TELOS_AGENT_NAMES.rawValue }
    if policy.stdio == .allow { flags |= TELOS_AGENT_STDIO_ALLOW.rawValue }
    let sensitive: RuleFlags = [.critical, .warn]
    if rules.values.contains(where: { rule in
      rule.tails.contains { !$0.flags.isDisjoint(with: sensitive) }
    }) {
      flags |= TELOS_AGENT_DIR_RULES.rawValue
    }
    if asks && policy.namesWhileTainted
      || windows.values.contains(where: { $0.contains(where: \.whileTainted) })
    {
      flags |= TELOS_AGENT_REACHABLE.rawValue
    }
    if rules.values.contains(where: { $0.flags.contains(.hash) }) {
      flags |= TELOS_AGENT_HASHES.rawValue
    }
    return flags
  }
}
