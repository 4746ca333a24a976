internal import Glibc

/// Files that only their owner may read: private keys and tokens.
public enum SecretFile {
  /// Reads a secret of at most `limit` bytes.
  ///
  /// Throws `forbidden`, with the command that mends it, if the group or anybody else has any right to the file.
  public static func read(_ path: String, limit: Int = 1 << 16) throws(TelosError) -> [UInt8] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      let code = errno
      throw TelosError(
        code == ENOENT ? .notFound : .forbidden,
        "cannot read \(path): \(String(cString: strerror(code)))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TelosError(.invalidArgument, "\(path) is not a regular file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw TelosError(
        .forbidden, "\(path) holds a secret, but other users may access it",
        hint: "chmod 600 \(path)")
    }
    return try DurableFile.read(path, limit: limit)
  }

  /// Writes a secret with mode 0600 from the first byte on.
  ///
  /// - Parameter replacing: without it an existing file is a `conflict`: a lost key cannot be had again.
  public static func write(
    _ bytes: some Collection<UInt8>, to path: String, replacing: Bool = false
  )
    throws(TelosError)
  {
    // A link that leads nowhere is there as well.
    var status = stat()
    if !replacing && lstat(path, &status) == 0 {
      throw TelosError(
        .conflict, "\(path) exists already", hint: "choose another name, or move the old file away")
    }
    try DurableFile.write(bytes, to: path, mode: 0o600)
  }
}
