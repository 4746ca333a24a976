internal import Glibc

/// What a person has to read beside a command's answer, and a daemon's log: on standard error.
public enum StandardError {
  /// Writes text as it is. Of a failure there is nobody to tell.
  public static func write(_ text: String) {
    try? StandardOutput.write(Array(text.utf8), to: STDERR_FILENO, name: "standard error")
  }

  /// Writes text and, where it lacks one, a newline.
  public static func line(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n") }

  /// Writes why a program ends: `PROGRAM: message`, and the hint in a line of its own.
  public static func report(_ error: TelosError, of program: String) {
    line("\(program): \(error.message)" + (error.hint.map { "\n  → \($0)" } ?? ""))
  }
}
