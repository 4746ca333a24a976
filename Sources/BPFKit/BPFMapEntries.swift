internal import CLibbpf
internal import Glibc

extension BPFMap {
  /// All entries, in batches. Hashes, tries and arrays; entries that change meanwhile may be missed or seen twice.
  public func entries() throws(BPFError) -> [(key: Key, value: Value)] {
    var result: [(key: Key, value: Value)] = []
    try forEach { key, value in result.append((key, value)) }
    return result
  }

  /// How many entries there are, under the reserve of ``entries()``.
  public func occupancy() throws(BPFError) -> Int {
    var count = 0
    try forEach { _, _ in count += 1 }
    return count
  }

  /// Calls `body` with every entry, under the reserve of ``entries()``, without keeping them.
  public func forEach(_ body: (Key, Value) -> Void) throws(BPFError) {
    var batch = Swift.min(4096, Swift.max(capacity, 1))
    var keys = UnsafeMutablePointer<Key>.allocate(capacity: batch)
    var values = UnsafeMutablePointer<Value>.allocate(capacity: batch)
    // Opaque to us: 32 bits for hashes, the last key for tries.
    let size = Swift.max(MemoryLayout<Key>.size, 8)
    let cursor = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    let previous = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer {
      keys.deallocate()
      values.deallocate()
      cursor.deallocate()
      previous.deallocate()
    }
    var first = true
    while true {
      var count = UInt32(batch)
      let code = bpf_map_lookup_batch(
        descriptor.number, first ? nil : previous, cursor, keys, values, &count, nil)
      if code == -ENOSPC && batch < capacity {
        // A hash bucket is longer than the batch; nothing was read of it.
        batch *= 4
        keys.deallocate()
        values.deallocate()
        keys = UnsafeMutablePointer<Key>.allocate(capacity: batch)
        values = UnsafeMutablePointer<Value>.allocate(capacity: batch)
        continue
      }
      // ENOENT comes with the last batch, which still holds entries.
      if code < 0 && code != -ENOENT { throw BPFError("read all of \(name)", code: -code) }
      for i in 0..<Int(count) { body(keys[i], values[i]) }
      if code == -ENOENT || (count == 0 && !first) { return }
      previous.copyMemory(from: cursor, byteCount: size)
      first = false
    }
  }

  /// A value of all zeros. Every value of the ABI may be zero.
  public static var zero: Value {
    withUnsafeTemporaryAllocation(
      byteCount: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment
    ) { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      return bytes.load(as: Value.self)
    }
  }
}

/// Two finished maps stand in an outer map; the kernel compares everything but their capacity.
public struct OuterMap: Sendable {
  public let descriptor: Descriptor
  public let name: String

  public init(descriptor: Descriptor, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Puts a map into a slot. Waits until no program can still see the one before it: about 15 ms.
  public func set(_ slot: UInt32, _ inner: Descriptor) throws(BPFError) {
    var slot = slot
    var number = inner.number
    try check(
      bpf_map_update_elem(descriptor.number, &slot, &number, UInt64(BPF_ANY)),
      "put a map into \(name)")
  }

  /// The map that stands in a slot now; nil for none.
  public func inner(_ slot: UInt32) throws(BPFError) -> Descriptor? {
    var slot = slot
    var id: UInt32 = 0
    let code = bpf_map_lookup_elem(descriptor.number, &slot, &id)
    if code == -ENOENT { return nil }
    try check(code, "read \(name)")
    let number = bpf_map_get_fd_by_id(id)
    if number == -ENOENT { return nil }
    try check(number, "open a map of \(name)")
    return Descriptor(owning: number)
  }

  public func clear(_ slot: UInt32) throws(BPFError) {
    var slot = slot
    let code = bpf_map_delete_elem(descriptor.number, &slot)
    if code != -ENOENT { try check(code, "clear a slot of \(name)") }
  }
}
