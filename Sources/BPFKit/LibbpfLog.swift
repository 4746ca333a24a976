internal import CLibbpf
internal import Glibc
internal import Synchronization

/// Takes libbpf's diagnostics away from standard error and into the errors that they explain.
///
/// libbpf has one printer for the process, so captured operations run one at a time.
enum LibbpfLog {
  private static let turn = Mutex(())
  private static let lines = Mutex("")
  private static let limit = 64 << 10

  /// Runs `operation`; an error that it throws gets what libbpf printed meanwhile.
  static func capture<T: ~Copyable>(_ operation: () throws(BPFError) -> T) throws(BPFError) -> T {
    try turn.withLock { _ throws(BPFError) in
      lines.withLock { $0 = "" }
      install()
      do throws(BPFError) {
        return try operation()
      } catch {
        var error = error
        error.log = lines.withLock { $0 }
        throw error
      }
    }
  }

  private static func install() {
    // The callback is @convention(c): it may not capture.
    _ = libbpf_set_print { level, format, arguments in
      guard level != LIBBPF_DEBUG, let format, let arguments else { return 0 }
      var buffer = [CChar](repeating: 0, count: 16 << 10)
      let count = vsnprintf(&buffer, buffer.count, format, arguments)
      let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      LibbpfLog.append(String(decoding: bytes, as: UTF8.self))
      return count
    }
  }

  private static func append(_ text: String) {
    lines.withLock { if $0.utf8.count + text.utf8.count <= limit { $0 += text } }
  }
}
