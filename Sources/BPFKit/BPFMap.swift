internal import CLibbpf
internal import Glibc

/// A kernel map with keys and values that have the layout of their C structs. Shared by its copies.
public struct BPFMap<Key: BitwiseCopyable, Value: BitwiseCopyable>: Sendable {
  public let descriptor: Descriptor
  public let name: String
  /// How many entries it can hold.
  public let capacity: Int

  /// - Throws: EINVAL when the kernel's sizes differ from those of the types.
  public init(descriptor: Descriptor, name: String) throws(BPFError) {
    var info = clibbpf_map()
    try check(clibbpf_map_info(descriptor.number, &info), "read about the map \(name)")
    guard Int(info.key_size) == MemoryLayout<Key>.size,
      Int(info.value_size) == MemoryLayout<Value>.size
    else {
      throw BPFError(
        "use the map \(name), whose entries are \(info.key_size) and \(info.value_size) bytes",
        code: EINVAL)
    }
    self.descriptor = descriptor
    self.name = name
    self.capacity = Int(info.max_entries)
  }

  public init(pinned path: String, name: String) throws(BPFError) {
    try self.init(descriptor: Descriptor(pinned: path), name: name)
  }

  public enum Mode: UInt64, Sendable {
    case any = 0
    /// Refused with EEXIST if the key is there.
    case insert = 1
    /// Refused with ENOENT if it is not.
    case replace = 2
  }

  public func update(_ key: Key, _ value: Value, _ mode: Mode = .any) throws(BPFError) {
    var key = key
    var value = value
    try check(
      bpf_map_update_elem(descriptor.number, &key, &value, mode.rawValue), "write to \(name)")
  }

  /// Nil when there is no such key.
  public func lookup(_ key: Key) throws(BPFError) -> Value? {
    var key = key
    return try withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) {
      buffer throws(BPFError) in
      let code = bpf_map_lookup_elem(descriptor.number, &key, buffer.baseAddress)
      if code == -ENOENT { return nil }
      try check(code, "read \(name)")
      return buffer[0]
    }
  }

  /// - Returns: whether there was such a key.
  @discardableResult
  public func remove(_ key: Key) throws(BPFError) -> Bool {
    var key = key
    let code = bpf_map_delete_elem(descriptor.number, &key)
    if code == -ENOENT { return false }
    try check(code, "remove from \(name)")
    return true
  }

  /// Writes many entries in one system call. Not atomic: what came before an error stays.
  public func update(_ keys: [Key], _ values: [Value]) throws(BPFError) {
    precondition(keys.count == values.count)
    guard !keys.isEmpty else { return }
    var count = UInt32(keys.count)
    let code = keys.withUnsafeBytes { keys in
      values.withUnsafeBytes { values in
        bpf_map_update_batch(descriptor.number, keys.baseAddress, values.baseAddress, &count, nil)
      }
    }
    try check(code, "write \(keys.count) entries to \(name)")
  }
}

/// One value for each possible CPU, under each key.
public struct PerCPUMap<Key: BitwiseCopyable>: Sendable {
  public let descriptor: Descriptor
  public let name: String

  public init(descriptor: Descriptor, name: String) throws(BPFError) {
    var info = clibbpf_map()
    try check(clibbpf_map_info(descriptor.number, &info), "read about the map \(name)")
    guard Int(info.key_size) == MemoryLayout<Key>.size, info.value_size == 8 else {
      throw BPFError("use the map \(name) as counters", code: EINVAL)
    }
    self.descriptor = descriptor
    self.name = name
  }

  /// The sum over all CPUs.
  public func sum(_ key: Key) throws(BPFError) -> UInt64 {
    let cpus = libbpf_num_possible_cpus()
    try check(cpus, "count the CPUs")
    var key = key
    var values = [UInt64](repeating: 0, count: Int(cpus))
    try check(bpf_map_lookup_elem(descriptor.number, &key, &values), "read \(name)")
    return values.reduce(0, &+)
  }
}
