internal import Glibc

/// Standard output and standard error.
enum Terminal {
  /// Writes text and a newline to standard output. Ends the process when nobody reads any more.
  static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

  /// Writes text to standard output as it is.
  static func raw(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

  /// Writes text and, where it lacks one, a newline to standard error.
  static func errorLines(_ text: String) {
    write(text.hasSuffix("\n") ? text : text + "\n", to: STDERR_FILENO)
  }

  /// Writes text to standard error as it is; for progress.
  static func errorRaw(_ text: String) { write(text, to: STDERR_FILENO) }

  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal that standard output is; nil when it is none, so that nothing is cut in a pipe.
  static var columns: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    write(Array(text.utf8), to: descriptor)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), bytes.count - offset)
      }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if count < 0 && errno == EPIPE && descriptor == STDOUT_FILENO { exit(128 + SIGPIPE) }
      guard count > 0 else { return }
      offset += count
    }
  }
}

extension String {
  /// The text with control characters and direction overrides spelled out: paths and command names come from
  /// agents, and must not drive the terminal of who reads about them.
  var printable: String {
    guard unicodeScalars.contains(where: Self.drivesTerminal) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if Self.drivesTerminal(scalar) {
        text += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func drivesTerminal(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
