internal import CLibbpf
internal import Glibc

extension BPFMap {
  public enum Kind: Sendable { case hash, array, prefixTrie }

  /// A new map that nothing names yet: inner maps, build records.
  public static func create(_ kind: Kind, name: String, capacity: Int) throws(BPFError) -> BPFMap {
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    let type: bpf_map_type
    switch kind {
    case .hash: type = BPF_MAP_TYPE_HASH
    case .array: type = BPF_MAP_TYPE_ARRAY
    case .prefixTrie:
      type = BPF_MAP_TYPE_LPM_TRIE
      options.map_flags = UInt32(BPF_F_NO_PREALLOC)
    }
    let number = bpf_map_create(
      type, String(name.prefix(15)), UInt32(MemoryLayout<Key>.size),
      UInt32(MemoryLayout<Value>.size), UInt32(capacity), &options)
    try check(number, "create the map \(name) for \(capacity) entries")
    return try BPFMap(descriptor: Descriptor(owning: number), name: name)
  }
}
