internal import Glibc
internal import TelosCore

/// A file named on the command line, or standard input for `-`.
enum InputFile {
  static func read(_ name: String, limit: Int) throws(TelosError) -> [UInt8] {
    guard name == "-" else { return try DurableFile.read(name, limit: limit) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw TelosError(
          .internalError, "cannot read standard input: \(String(cString: strerror(errno)))")
      }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw TelosError(.invalidArgument, "standard input is larger than \(limit) bytes")
      }
    }
  }

  /// How messages name it.
  static func title(_ name: String) -> String { name == "-" ? "standard input" : name }
}
