internal import AddressSets
internal import CTelosABI
internal import TelosCore

// Swift values in the layout of the kernel's maps, and back where they are read back.

extension telos_inode {
  init(_ file: FileIdentity) {
    self.init(ino: file.inode, dev: file.device, generation: file.generation)
  }
}

extension FileIdentity {
  init(_ inode: telos_inode) {
    self.init(inode: inode.ino, device: inode.dev, generation: inode.generation)
  }
}

extension telos_rule_key {
  init(agent: UInt64, _ file: FileIdentity) {
    self.init(agent: agent, inode: telos_inode(file))
  }
}

extension telos_rule {
  init(_ rule: KernelPolicy.Rule, tails: UInt32) {
    self.init()
    flags = rule.flags.rawValue
    self.tails = tails
    if let digest = rule.sha256 {
      withUnsafeMutableBytes(of: &sha256) { $0.copyBytes(from: digest.bytes) }
    }
  }
}

extension telos_tail_set {
  init(_ rules: [TailRule]) throws(TelosError) {
    self.init()
    count = UInt32(rules.count)
    var forms: [telos_tail] = []
    for rule in rules { forms.append(try telos_tail(rule)) }
    withUnsafeMutableBytes(of: &tails) { bytes in
      forms.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }
}

extension telos_tail {
  init(_ rule: TailRule) throws(TelosError) {
    self.init()
    flags = rule.flags.rawValue
    deep = rule.deep ? 1 : 0
    switch rule.match {
    case .name(let name):
      let bytes = name.bytes
      guard (1...255).contains(bytes.count) else { throw Self.tooLong(name, 255) }
      kind = UInt8(TELOS_TAIL_NAME.rawValue)
      length = UInt8(bytes.count)
      hash = telos_hash(bytes, UInt32(bytes.count))
      if bytes.count <= 32 { withUnsafeMutableBytes(of: &text) { $0.copyBytes(from: bytes) } }
    case .suffix(let text):
      kind = UInt8(TELOS_TAIL_SUFFIX.rawValue)
      try set(text)
    case .prefix(let text):
      kind = UInt8(TELOS_TAIL_PREFIX.rawValue)
      try set(text)
    case .any:
      kind = UInt8(TELOS_TAIL_ANY.rawValue)
    }
  }

  private mutating func set(_ value: BytePath) throws(TelosError) {
    let bytes = value.bytes
    guard (1...32).contains(bytes.count) else { throw Self.tooLong(value, 32) }
    length = UInt8(bytes.count)
    withUnsafeMutableBytes(of: &text) { $0.copyBytes(from: bytes) }
  }

  private static func tooLong(_ text: BytePath, _ limit: Int) -> TelosError {
    TelosError(.invalidArgument, "\"\(text)\" in a directory rule is not 1 to \(limit) bytes long")
  }
}

extension telos_window_key {
  /// - Parameter inbound: whether the block is that of peers who come in.
  init(agent id: UInt64, _ block: IPPrefix, inbound: Bool = false) {
    self.init()
    prefix = UInt32(64 + block.mappedLength)
    let side = inbound ? id | UInt64(TELOS_INBOUND) : id
    let (agentBytes, bits) = (side.bigEndian, block.address.bits.bigEndian)
    withUnsafeMutableBytes(of: &agent) { $0.storeBytes(of: agentBytes, as: UInt64.self) }
    withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: bits, as: UInt128.self) }
  }

  var agentID: UInt64 { side & ~UInt64(TELOS_INBOUND) }
  var isInbound: Bool { side & UInt64(TELOS_INBOUND) != 0 }

  private var side: UInt64 {
    withUnsafeBytes(of: agent) { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
  }

  func block() throws(TelosError) -> IPPrefix {
    let bits = withUnsafeBytes(of: address) {
      UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self))
    }
    let address = IPAddress(bits: bits)
    return try IPPrefix(address, length: Int(prefix) - 64 - (address.isV4 ? 96 : 0))
  }
}

extension telos_name_key {
  init(agent: UInt64, _ host: IPAddress) {
    self.init()
    self.agent = agent
    withUnsafeMutableBytes(of: &address) {
      $0.storeBytes(of: host.bits.bigEndian, as: UInt128.self)
    }
  }

  var host: IPAddress {
    withUnsafeBytes(of: address) {
      IPAddress(bits: UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)))
    }
  }
}

extension telos_window {
  init(_ rules: [PortRule]) {
    self.init()
    count = UInt32(rules.count)
    let forms = rules.map { telos_port($0) }
    withUnsafeMutableBytes(of: &ports) { bytes in
      forms.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }

  /// As an entry of `names`.
  init(_ rules: [PortRule], of key: telos_name_key) {
    self.init(rules)
    var key = key
    stamp = telos_name_stamp(&key)
  }

  var rules: [PortRule] {
    withUnsafeBytes(of: ports) { bytes in
      bytes.bindMemory(to: telos_port.self).prefix(Int(min(count, UInt32(TELOS_PORTS)))).map {
        PortRule($0)
      }
    }
  }
}

extension telos_port {
  init(_ rule: PortRule) {
    self.init()
    expires_ns = rule.expires
    first = rule.first
    last = rule.last
    if rule.tcp { protocols |= UInt8(TELOS_TCP.rawValue) }
    if rule.udp { protocols |= UInt8(TELOS_UDP.rawValue) }
    if rule.whileTainted { flags |= UInt8(TELOS_PORT_TAINTED.rawValue) }
    if rule.sensitive { flags |= UInt8(TELOS_PORT_SENSITIVE.rawValue) }
  }
}

extension PortRule {
  init(_ port: telos_port) {
    self.init(
      first: port.first, last: port.last,
      tcp: port.protocols & UInt8(TELOS_TCP.rawValue) != 0,
      udp: port.protocols & UInt8(TELOS_UDP.rawValue) != 0,
      whileTainted: port.flags & UInt8(TELOS_PORT_TAINTED.rawValue) != 0,
      sensitive: port.flags & UInt8(TELOS_PORT_SENSITIVE.rawValue) != 0, expires: port.expires_ns)
  }
}
