internal import Glibc
internal import TelosCore

/// The digest that the kernel keeps of a file for which fs-verity is on. Source: `FS_IOC_MEASURE_VERITY`, linux/fsverity.h.
enum VerityDigest {
  private static let measure: UInt = 0xc004_6686
  private static let sha256: UInt16 = 1

  /// Nil where fs-verity is not on, or the file system does not have it.
  ///
  /// - Throws: `refused` for a digest that is not SHA-256, and where none can be read.
  static func of(_ path: BytePath) throws(TelosError) -> Digest? {
    let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw RootView.failure("open", path) }
    defer { close(descriptor) }
    // algorithm, size, digest: the size is that of the room first.
    var answer = [UInt8](repeating: 0, count: 4 + 64)
    answer[2] = 64
    let status = answer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { ioctl(descriptor, measure, $0) } ?? -1
    }
    guard status == 0 else {
      if [ENODATA, ENOTTY, EOPNOTSUPP].contains(errno) { return nil }
      throw RootView.failure("read the fs-verity digest of", path)
    }
    let (algorithm, size) = answer.withUnsafeBytes {
      ($0.load(as: UInt16.self), $0.load(fromByteOffset: 2, as: UInt16.self))
    }
    guard algorithm == sha256, let digest = Digest(bytes: answer[4..<4 + Int(size)]) else {
      throw TelosError(
        .refused, "the fs-verity digest of \(path) is not SHA-256",
        hint: "fsverity enable --hash-alg=sha256")
    }
    return digest
  }
}
