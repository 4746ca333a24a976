public import TelosCore

/// A small file as a process with another root sees it: links lead nowhere out of that root.
public enum RootFile {
  /// - Parameters:
  ///   - root: put before the path, for example `/proc/PID/root`; empty for this process's own.
  ///   - limit: in bytes.
  /// - Returns: nil where there is no such regular file.
  public static func read(_ path: BytePath, in root: String, limit: Int) throws(TelosError)
    -> [UInt8]?
  {
    let view = RootView(root: root)
    guard let found = try view.resolve(path), found.isRegular else { return nil }
    return try DurableFile.read(view.hostPath(found.path), limit: limit)
  }
}
