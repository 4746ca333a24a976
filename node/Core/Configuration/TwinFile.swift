internal import FoundationEssentials
internal import Glibc
internal import SQLiteFiles
internal import TelosCore

/// A small file with a second copy beside it, `NAME.twin`, that begins with the digest of the rest: one flipped byte in either
/// of them loses nothing.
enum TwinFile {
  static func twin(of path: String) -> String { "\(path).twin" }

  /// Both are on disk when it returns; the twin first, so that it is the newer one where they differ.
  static func write(_ bytes: some Collection<UInt8>, to path: String, mode: UInt32 = 0o600)
    throws(TelosError)
  {
    let content = Array(bytes)
    try DurableFile.write(
      Array("\(Digest(of: content))\n".utf8) + content, to: twin(of: path), mode: mode)
    try DurableFile.write(content, to: path, mode: mode)
  }

  /// What the twin says where that is whole, else the file itself.
  static func read(_ path: String, limit: Int) throws(TelosError) -> [UInt8] {
    if let kept = kept(path, limit: limit) { return kept }
    return try DurableFile.read(path, limit: limit)
  }

  /// What the twin says, where that is whole.
  static func kept(_ path: String, limit: Int) -> [UInt8]? {
    whole(twin(of: path), limit: limit + 128)
  }

  /// Both, as far as they can be read: for content that says itself which is newer.
  static func candidates(_ path: String, limit: Int) -> [[UInt8]] {
    [kept(path, limit: limit), try? DurableFile.read(path, limit: limit)]
      .compactMap { $0 }
  }

  /// Gives file and twin this content, where one of them has another or is not there. What differed is moved aside: it is
  /// damaged, or a crash came between the two writes.
  ///
  /// - Returns: for each that differed where it was and where it is now.
  static func mend(_ path: String, to content: [UInt8], limit: Int) throws(TelosError) -> [(
    path: String, keptAt: String
  )] {
    let one = (try? DurableFile.read(path, limit: limit)) == content
    let other = kept(path, limit: limit) == content
    guard !one || !other else { return [] }
    var found: [(path: String, keptAt: String)] = []
    for (file, isWhole) in [(path, one), (twin(of: path), other)]
    where !isWhole && FileStatus(file) != nil {
      found.append((file, try SetAside.move(file)))
    }
    try write(content, to: path)
    return found
  }

  private static func whole(_ twin: String, limit: Int) -> [UInt8]? {
    guard let bytes = try? DurableFile.read(twin, limit: limit), let end = bytes.firstIndex(of: 10)
    else {
      return nil
    }
    let content = Array(bytes[(end + 1)...])
    return Array("\(Digest(of: content))".utf8) == Array(bytes[..<end]) ? content : nil
  }
}
