internal import Glibc
internal import TelosCore

/// Standard output and standard error.
enum Terminal {
  /// Writes text and a newline to standard output. Ends the process where that cannot be: an answer that did not arrive is no
  /// success.
  static func line(_ text: String = "") { raw(Array((text + "\n").utf8)) }

  /// Writes text to standard output as it is; ends the process as ``line(_:)`` does.
  static func raw(_ bytes: [UInt8]) {
    orExit { () throws(TelosError) in try StandardOutput.write(bytes) }
  }

  /// After the last line.
  static func finish() { orExit { () throws(TelosError) in try StandardOutput.finish() } }

  private static func orExit(_ body: () throws(TelosError) -> Void) {
    do throws(TelosError) {
      try body()
    } catch {
      StandardError.report(error, of: "telos")
      exit(error.exitCode)
    }
  }

  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal that standard output is; nil when it is none, so that nothing is cut in a pipe.
  static var columns: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
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
