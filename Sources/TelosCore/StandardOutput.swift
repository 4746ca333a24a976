internal import Glibc

/// What a command answers, on standard output: it all arrives, or the command fails.
public enum StandardOutput {
  /// Writes text as it is.
  public static func write(_ text: String) throws(TelosError) { try write(Array(text.utf8)) }

  /// - Throws: when a byte could not be written, as on a full disk. Where nobody reads any more the process ends as it would by
  ///   SIGPIPE.
  public static func write(_ bytes: [UInt8]) throws(TelosError) {
    try write(bytes, to: STDOUT_FILENO, name: "standard output")
  }

  /// Some file systems say only now that what was written is lost.
  public static func finish() throws(TelosError) {
    guard close(STDOUT_FILENO) != 0, errno != EBADF else { return }
    throw failure("standard output", errno)
  }

  /// - Parameter name: how the error names the descriptor.
  public static func write(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(TelosError)
  {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), bytes.count - offset)
      }
      guard count <= 0 else {
        offset += count
        continue
      }
      let code = count < 0 ? errno : EIO
      switch code {
      case EINTR: continue
      case EAGAIN:
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&ready, 1, -1)
      case EPIPE where descriptor == STDOUT_FILENO: exit(128 + SIGPIPE)
      default: throw failure(name, code)
      }
    }
  }

  private static func failure(_ name: String, _ code: Int32) -> TelosError {
    TelosError(.internalError, "cannot write \(name): \(String(cString: strerror(code)))")
  }
}
