internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  /// Adds what may be written, and the folders whose own products may run, which have to lie in it.
  ///
  /// - Parameter roots: nil for the working directory and the private TMPDIR.
  mutating func addWriteRoots(_ roots: [PathPattern]?, own: [PathPattern]) throws(TelosError) {
    var folders: [String] = []
    if let roots {
      for root in roots {
        if root.form == .literal {
          try addWritableFile(root.anchor)
        } else {
          folders.append(try addWritableFolder(root.anchor, "files.write", "name another folder"))
        }
      }
    } else {
      folders.append(try addWorkingDirectory())
      if let temporary = context.temporaryDirectory {
        folders.append(try addWritableFolder(temporary, "TMPDIR", "make another TMPDIR"))
      }
    }
    for pattern in own {
      let folder = try folder(pattern.anchor, "exec.own")
      guard folders.contains(where: { Self.isIn(folder.path, $0) }) else {
        throw TelosError(
          .refused, "exec.own: \(pattern) lies in no folder that the agent may write",
          hint: "add \(pattern) to files.write")
      }
      try add(folder, as: pattern.anchor, .own)
    }
  }

  /// Nobody signed the working directory, so it may not be one that the system runs or trusts.
  private mutating func addWorkingDirectory() throws(TelosError) -> String {
    let path = context.workingDirectory
    let hint = "start the agent in a folder of its own, or name files.write in the intent"
    let found = try folder(path, "the working directory")
    let system = ["/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr"]
    if let bad = system.first(where: { Self.isIn(found.path, $0) }) {
      throw TelosError(
        .refused, "the working directory: \(path) lies in \(bad), which other programs trust",
        hint: hint)
    }
    return try addWritableFolder(path, "the working directory", hint)
  }

  private mutating func addWritableFolder(_ path: String, _ key: String, _ hint: String)
    throws(TelosError) -> String
  {
    let found = try folder(path, key)
    let special = ["/proc", "/sys", "/dev", "/etc/telos", "/var/lib/telos", "/run/telos"]
    let bad = found.path == "/" ? "/" : special.first { Self.isIn(found.path, $0) }
    if let bad {
      throw TelosError(
        .refused, "\(key): \(path) \(bad == "/" ? "is" : "lies in") \(bad), where no agent writes",
        hint: hint)
    }
    try add(found, as: path, .write)
    return found.path
  }

  private mutating func addWritableFile(_ path: String) throws(TelosError) {
    guard let file = try view.resolve(path) else {
      throw TelosError(
        .notFound, "files.write: \(path) is not there on this node",
        hint: "create it before the agent starts, or write its folder as DIR/**")
    }
    if file.isDirectory {
      throw TelosError(
        .refused, "files.write: \(path) is a folder", hint: "write \(path)/** for all of it")
    }
    guard file.isRegular || file.isCharacterDevice else {
      throw TelosError(
        .refused, "files.write: \(path) is neither a file nor a character device",
        hint: "a disk written raw would undo every gate; take the entry out")
    }
    guard
      file.isCharacterDevice
        || !["/proc", "/sys", "/dev"].contains(where: { Self.isIn(file.path, $0) })
    else {
      throw TelosError(
        .refused, "files.write: \(path) is \(file.path), where no agent writes",
        hint: "take the entry out")
    }
    do throws(TelosError) {
      try add(file, as: path, .write)
    } catch {
      guard file.isCharacterDevice else { throw error }
      throw TelosError(
        .notYet, "not yet: files.write: this node cannot tell the device \(path) by identity",
        hint: "null, zero, full, random and the own terminal need no entry")
    }
  }

  private func folder(_ path: String, _ key: String) throws(TelosError) -> RootView.Found {
    guard let found = try view.resolve(path) else {
      throw TelosError(
        .notFound, "\(key): the folder \(path) is not there on this node",
        hint: "create it before the agent starts")
    }
    guard found.isDirectory else {
      throw TelosError(
        .refused, "\(key): \(path) is not a folder", hint: "leave the /** away for a single file")
    }
    return found
  }

  /// Whether `path` is `root` or lies below it.
  private static func isIn(_ path: String, _ root: String) -> Bool {
    path == root || root == "/" || path.utf8.starts(with: "\(root)/".utf8)
  }
}
