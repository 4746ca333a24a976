internal import TelosCore

/// Why `telos run` did not become CMD. Its status is the shell's: 126 refused, 127 no such command.
struct LaunchFailure: Error {
  var error: TelosError
  var status: Int32

  static func refused(_ error: TelosError) -> LaunchFailure {
    LaunchFailure(error: error, status: 126)
  }
}
