internal import Glibc
internal import TelosCore

/// Hands a cookie to the kernel. Source: TELOS_PRCTL in bpf/abi/telos_abi.h.
enum Registration {
  static let option: Int = 0x5445_4c4f

  /// Returns when this process is managed; throws, still unmanaged, otherwise.
  static func register(high: UInt, low: UInt) throws(TelosError) {
    // prctl(2) is variadic, and syscall(2) as well: neither is imported.
    let code = telosPrctl(Int32(truncatingIfNeeded: option), high, low, 0, 0) == -1 ? errno : 0
    guard code != EINPROGRESS else { return }
    throw error(code)
  }

  static func error(_ code: Int32) -> TelosError {
    switch code {
    case EINVAL, 0:
      TelosError(
        .kernel, "the gates are not attached to this kernel: nothing would be enforced",
        hint: "`telos probe` says what this kernel can enforce")
    case ENOENT:
      TelosError(
        .refused, "the start was not completed in time, and the kernel has forgotten it",
        hint: "run the command again")
    case EPERM:
      TelosError(
        .refused, "this process is already an agent, or the start belongs to another user",
        hint: "an agent keeps the intent that it was started under; `telos self` shows it")
    case EBUSY:
      TelosError(.internalError, "the launcher has more than one thread")
    case ENOMEM:
      TelosError(
        .kernel, "the kernel's table of agents is full", hint: "`telos status` shows the counters")
    default:
      TelosError(
        .kernel, "the kernel refused the start: \(String(cString: strerror(code)))")
    }
  }
}

@_silgen_name("prctl")
private func telosPrctl(_ option: Int32, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt) -> Int32
