internal import CLibbpf
internal import Glibc

/// The memory of a map with global data, shared with the kernel's programs. Cells change under the reader:
/// they are read and written atomically.
public final class SharedMemory: @unchecked Sendable {
  // Safe: the mapping lives as long as the object, and all access goes through atomics.
  private let base: UnsafeMutableRawPointer
  public let count: Int

  public init(map: Descriptor) throws(BPFError) {
    var info = clibbpf_map()
    try check(clibbpf_map_info(map.number, &info), "read about global data")
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let size = (Int(info.value_size) + page - 1) / page * page
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, map.number, 0),
      base != MAP_FAILED
    else { throw BPFError("map global data", code: errno) }
    self.base = base
    self.count = Int(info.value_size)
  }

  deinit { munmap(base, count) }

  public func add(_ value: UInt32, at offset: Int) { clibbpf_add(cell(offset), value) }
  public func subtract(_ value: UInt32, at offset: Int) { clibbpf_subtract(cell(offset), value) }
  public func load(at offset: Int) -> UInt32 { clibbpf_load(cell(offset)) }
  public func store(_ value: UInt32, at offset: Int) { clibbpf_store(cell(offset), value) }

  public func load64(at offset: Int) -> UInt64 { clibbpf_load64(wide(offset)) }
  public func store64(_ value: UInt64, at offset: Int) { clibbpf_store64(wide(offset), value) }

  private func wide(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
    precondition(offset >= 0 && offset + 8 <= count && offset.isMultiple(of: 8))
    return (base + offset).assumingMemoryBound(to: UInt64.self)
  }

  private func cell(_ offset: Int) -> UnsafeMutablePointer<UInt32> {
    precondition(offset >= 0 && offset + 4 <= count && offset.isMultiple(of: 4))
    return (base + offset).assumingMemoryBound(to: UInt32.self)
  }
}
