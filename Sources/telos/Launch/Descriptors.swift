internal import Glibc
internal import TelosCore

/// What the agent inherits: descriptors 0, 1 and 2.
enum Descriptors {
  /// Closes everything from 3 on, also what the caller left open without knowing.
  static func closeAllButStandard() throws(TelosError) {
    if closeRange(3, UInt32.max, 0) == 0 { return }
    guard errno == ENOSYS, let folder = opendir("/proc/self/fd") else {
      throw TelosError(
        .internalError, "cannot close descriptors: \(String(cString: strerror(errno)))")
    }
    var open: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let descriptor = Int32(name), descriptor > 2 { open.append(descriptor) }
    }
    closedir(folder)
    for descriptor in open { close(descriptor) }
  }
}

enum Threads {
  /// Registration labels the calling thread alone, so there must be no other.
  static func requireSingle() throws(TelosError) {
    let count = try count()
    guard count == 1 else {
      throw TelosError(
        .internalError, "the launcher has \(count) threads and may have only one",
        hint: "this is a bug in telos: report it, and include LD_PRELOAD if it is set")
    }
  }

  static func count() throws(TelosError) -> Int {
    guard let folder = opendir("/proc/self/task") else {
      throw TelosError(.internalError, "cannot read /proc/self/task", hint: "mount /proc")
    }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
      let first = withUnsafeBytes(of: &entry.pointee.d_name) { $0[0] }
      if first != UInt8(ascii: ".") { count += 1 }
    }
    return count
  }
}

// glibc has it since 2.34, but only behind _GNU_SOURCE, which the module Glibc lacks.
@_silgen_name("close_range")
private func closeRange(_ first: UInt32, _ last: UInt32, _ flags: Int32) -> Int32
