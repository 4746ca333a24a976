internal import Glibc
internal import TelosCore

/// Finds a command as execvp(3) does.
enum ExecutablePath {
  /// The path to execute for `command`: itself if it has a slash, else the first executable file of its name
  /// in `search`.
  ///
  /// - Parameter search: the value of PATH; nil stands for what execvp takes then.
  static func resolve(_ command: String, search: String?) throws(LaunchFailure) -> String {
    guard !command.isEmpty else { throw missing(command) }
    if command.contains("/") {
      switch check(command) {
      case 0: return command
      case ENOENT, ENOTDIR: throw missing(command)
      default: throw unusable(command)
      }
    }
    var refused: String?
    let folders = (search ?? "/bin:/usr/bin").split(
      separator: ":", omittingEmptySubsequences: false)
    for folder in folders {
      let path = folder.isEmpty ? "./\(command)" : "\(folder)/\(command)"
      switch check(path) {
      case 0: return path
      case EACCES: refused = refused ?? path
      default: continue
      }
    }
    if let refused { throw unusable(refused) }
    throw missing(command)
  }

  private static func check(_ path: String) -> Int32 {
    var status = stat()
    guard stat(path, &status) == 0 else { return errno }
    guard status.st_mode & S_IFMT == S_IFREG else { return EACCES }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : EACCES
  }

  private static func missing(_ command: String) -> LaunchFailure {
    LaunchFailure(error: TelosError(.notFound, "\(command): no such command"), status: 127)
  }

  private static func unusable(_ path: String) -> LaunchFailure {
    .refused(TelosError(.forbidden, "\(path) is not an executable file that you may run"))
  }
}
