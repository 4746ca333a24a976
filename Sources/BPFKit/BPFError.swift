internal import Glibc

/// A refusal by libbpf or the kernel: what was attempted, the errno it gave and what libbpf said about it.
public struct BPFError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was attempted, for example `load gates.bpf.o`.
  public var operation: String
  /// A positive errno value.
  public var code: Int32
  /// libbpf's own lines, with the verifier's at the end; at most 64 KiB, empty for most calls.
  public var log: String

  public init(_ operation: String, code: Int32, log: String = "") {
    self.operation = operation
    self.code = code
    self.log = log
  }

  public var reason: String { String(cString: strerror(code)) }
  public var description: String { "cannot \(operation): \(reason)" }
}

/// Turns libbpf's negative-errno results into errors.
func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(BPFError) {
  if result < 0 { throw BPFError(operation(), code: -result) }
}

/// Turns libbpf's null-and-errno results into errors.
func check<T>(_ pointer: T?, _ operation: @autoclosure () -> String) throws(BPFError) -> T {
  guard let pointer else { throw BPFError(operation(), code: errno) }
  return pointer
}
