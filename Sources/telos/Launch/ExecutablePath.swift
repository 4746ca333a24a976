internal import Glibc
internal import TelosCore

/// Finds a command as execvp(3) does. Paths are bytes that end in zero: not all of them are text.
enum ExecutablePath {
  /// The path to execute for `command`: itself if it has a slash, else the first executable file of its name
  /// in `search`.
  ///
  /// - Parameter search: the value of PATH; nil stands for what execvp takes then.
  static func resolve(_ command: [CChar], search: [CChar]?) throws(LaunchFailure) -> [CChar] {
    let name = command.dropLast()
    guard !name.isEmpty else { throw missing(command) }
    if name.contains(slash) {
      switch check(command) {
      case 0: return command
      case ENOENT, ENOTDIR: throw missing(command)
      default: throw unusable(command)
      }
    }
    var refused: [CChar]?
    let search = search.map { $0.dropLast() } ?? Self.bytes("/bin:/usr/bin").dropLast()
    for folder in search.split(separator: colon, omittingEmptySubsequences: false) {
      let path = (folder.isEmpty ? [dot] : Array(folder)) + [slash] + command
      switch check(path) {
      case 0: return path
      case EACCES: refused = refused ?? path
      default: continue
      }
    }
    if let refused { throw unusable(refused) }
    throw missing(command)
  }

  static func bytes(_ text: String) -> [CChar] { Array(text.utf8CString) }

  /// For people: what is no text is replaced.
  static func text(_ path: [CChar]) -> String {
    String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static let slash = CChar(UInt8(ascii: "/"))
  private static let colon = CChar(UInt8(ascii: ":"))
  private static let dot = CChar(UInt8(ascii: "."))

  private static func check(_ path: [CChar]) -> Int32 {
    var status = stat()
    guard stat(path, &status) == 0 else { return errno }
    guard status.st_mode & S_IFMT == S_IFREG else { return EACCES }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : EACCES
  }

  private static func missing(_ command: [CChar]) -> LaunchFailure {
    LaunchFailure(error: TelosError(.notFound, "\(text(command)): no such command"), status: 127)
  }

  private static func unusable(_ path: [CChar]) -> LaunchFailure {
    .refused(TelosError(.forbidden, "\(text(path)) is not an executable file that you may run"))
  }
}
