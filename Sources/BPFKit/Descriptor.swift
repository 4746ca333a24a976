internal import CLibbpf
internal import Glibc

/// A file descriptor that is closed with its last reference.
public final class Descriptor: Sendable {
  public let number: Int32

  /// Takes ownership of an open descriptor.
  public init(owning number: Int32) { self.number = number }

  /// A duplicate of a descriptor that somebody else owns.
  public convenience init(duplicating number: Int32) throws(BPFError) {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw BPFError("duplicate a descriptor", code: errno) }
    self.init(owning: copy)
  }

  /// What is pinned at `path`.
  public convenience init(pinned path: String) throws(BPFError) {
    let number = bpf_obj_get(path)
    try check(number, "open the pin \(path)")
    self.init(owning: number)
  }

  deinit { close(number) }

  /// Of a map: how many entries it can hold.
  public var capacity: Int {
    get throws(BPFError) {
      var info = clibbpf_map()
      try check(clibbpf_map_info(number, &info), "read about a map")
      return Int(info.max_entries)
    }
  }

  public func pin(_ path: String) throws(BPFError) {
    try check(bpf_obj_pin(number, path), "pin \(path)")
  }
}
