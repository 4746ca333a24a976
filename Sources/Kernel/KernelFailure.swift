internal import BPFKit
internal import Glibc
internal import TelosCore

extension TelosError {
  /// A refusal by the kernel, with the last line that libbpf said about it.
  init(_ error: BPFError, hint: String? = nil) {
    let line = error.log.split(separator: "\n").last {
      $0.contains("libbpf:") || $0.contains("fail")
    }
    let detail = line.map { " (\($0.prefix(300)))" } ?? ""
    self.init(.kernel, error.description + detail, hint: hint ?? Self.hint(for: error.code))
  }

  /// What `errno` says now.
  static func system(_ action: String) -> TelosError {
    let code = errno
    return TelosError(
      .kernel, "cannot \(action): \(String(cString: strerror(code)))", hint: hint(for: code))
  }

  private static func hint(for code: Int32) -> String? {
    switch code {
    case EPERM, EACCES: "run it as root, on a kernel that lets root load BPF programs"
    case E2BIG, ENOSPC: "the map is full; make the set or the intent smaller"
    case ENOMEM: "free some memory"
    default: nil
    }
  }
}

/// Runs kernel calls, with their errors in the shape of everybody else's.
func kernel<T: ~Copyable>(_ body: () throws(BPFError) -> T) throws(TelosError) -> T {
  do throws(BPFError) {
    return try body()
  } catch {
    throw TelosError(error)
  }
}

/// EINVAL, which libbpf answers when a pinned map has another shape.
let mapMismatch: Int32 = 22
