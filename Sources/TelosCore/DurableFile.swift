internal import Glibc

/// Files that survive a crash: whole old content or whole new content, never a mixture.
public enum DurableFile {
  /// Writes beside the path, syncs, renames over it and syncs the folder.
  ///
  /// - Parameters:
  ///   - mode: permissions from the first byte on; keys take 0o600.
  public static func write(_ bytes: some Collection<UInt8>, to path: String, mode: UInt32 = 0o644)
    throws(TelosError)
  {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw failure("create", temporary) }
    do throws(TelosError) {
      try write(Array(bytes), descriptor, temporary)
      guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
        throw failure("sync", temporary)
      }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
      let error = failure("replace", path)
      unlink(temporary)
      throw error
    }
    try syncFolder(of: path)
  }

  /// Reads a whole file of at most `limit` bytes.
  public static func read(_ path: String, limit: Int = 64 << 20) throws(TelosError) -> [UInt8] {
    try read(BytePath(path), limit: limit)
  }

  /// The same, of a file whose path need not be text.
  public static func read(_ path: BytePath, limit: Int = 64 << 20) throws(TelosError) -> [UInt8] {
    let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    let path = path.description
    guard descriptor >= 0 else { throw failure("read", path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= limit else {
        throw TelosError(.invalidArgument, "\(path) is larger than \(limit) bytes")
      }
    }
  }

  private static func write(_ bytes: [UInt8], _ descriptor: Int32, _ path: String)
    throws(TelosError)
  {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), bytes.count - offset)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path) }
      offset += count
    }
  }

  private static func syncFolder(of path: String) throws(TelosError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
    let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open the folder of", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync the folder of", path) }
  }

  private static func failure(_ action: String, _ path: String) -> TelosError {
    let code = errno
    let kind: TelosError.Code =
      switch code {
      case ENOENT: .notFound
      case EACCES, EPERM: .forbidden
      default: .internalError
      }
    return TelosError(kind, "cannot \(action) \(path): \(String(cString: strerror(code)))")
  }
}
