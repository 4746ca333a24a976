internal import Glibc
internal import TelosCore

/// A file named by `--out`, or standard output for `-`.
enum OutputFile {
  /// Replaces a regular file as a whole, or makes one. What a link leads to is written, and not the link replaced; devices,
  /// pipes and files that are mount points stay what they are and are written into.
  static func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o644) throws(TelosError) {
    if name == "-" { return Terminal.raw(bytes) }
    let path = try target(of: name)
    var status = stat()
    let isThere = lstat(path, &status) == 0
    guard isThere, status.st_mode & S_IFMT != S_IFREG || MountPoint.isOne(path) else {
      return try DurableFile.write(bytes, to: path, mode: mode)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw TelosError(.invalidArgument, "\(name) is a directory", hint: "name a file in it")
    }
    try overwrite(path, with: bytes)
  }

  /// The path with the links followed that it ends in, also where the last of them leads to nothing yet.
  private static func target(of name: String) throws(TelosError) -> String {
    var path = name
    for _ in 0..<40 {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = buffer.withUnsafeMutableBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
        }
      }
      guard count > 0 else { return path }
      // Of /proc/self/fd/1 the text says nothing that can be opened: the kernel follows it by itself.
      if path.hasPrefix("/proc/") { return path }
      let text = String(decoding: buffer[..<count], as: UTF8.self)
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/")
      path = text.hasPrefix("/") || !path.contains("/") ? text : "\(folder)/\(text)"
    }
    throw TelosError(.invalidArgument, "\(name) leads through too many symbolic links")
  }

  private static func overwrite(_ path: String, with bytes: [UInt8]) throws(TelosError) {
    let descriptor = open(path, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    do throws(TelosError) {
      try StandardOutput.write(bytes, to: descriptor, name: path)
    } catch {
      close(descriptor)
      throw error
    }
    guard close(descriptor) == 0 else { throw failure(path) }
  }

  private static func failure(_ path: String) -> TelosError {
    TelosError(.internalError, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}

/// Whether something is mounted on a file, so that it cannot be replaced.
private enum MountPoint {
  static func isOne(_ path: String) -> Bool {
    guard let real = realpath(path, nil) else { return false }
    defer { free(real) }
    // Source: proc_pid_mountinfo(5); the fifth word is the mount point, with blanks and backslashes in octal.
    guard let table = try? DurableFile.read("/proc/self/mountinfo", limit: 16 << 20) else {
      return false
    }
    let wanted = escaped(UnsafeBufferPointer(start: real, count: strlen(real)))
    return table.split(separator: 0x0a).contains { line in
      let words = line.split(separator: 0x20, maxSplits: 5)
      return words.count > 4 && words[4].elementsEqual(wanted)
    }
  }

  private static func escaped(_ path: UnsafeBufferPointer<CChar>) -> [UInt8] {
    path.flatMap { character -> [UInt8] in
      let byte = UInt8(bitPattern: character)
      guard [0x20, 0x09, 0x0a, 0x5c].contains(byte) else { return [byte] }
      let octal = String(byte, radix: 8)
      return Array(("\\" + String(repeating: "0", count: 3 - octal.count) + octal).utf8)
    }
  }
}
