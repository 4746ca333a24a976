internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  /// Adds what may be written, what of it stays writable after a slam, and the folders whose own products may run: the last
  /// two have to lie in the first.
  mutating func addWriteRoots(_ files: Intent.Files, own: [PathPattern]) throws(TelosError) {
    var missing: [PathPattern] = []
    if let roots = files.write {
      for root in roots {
        if files.optionalWrites.contains(root), try view.resolve(root.anchor) == nil {
          missing.append(root)
          notes.append("files.write: \(root) is left out: it does not exist here")
        } else if root.form == .literal {
          _ = try addWritableFile(BytePath(root.anchor), "files.write", .write)
        } else {
          writable.append(
            try addWritableFolder(
              BytePath(root.anchor), "files.write", "name another folder", .write))
        }
      }
    } else {
      writable.append(try addWorkingDirectory())
      if let temporary = context.temporaryDirectory {
        writable.append(
          try addWritableFolder(
            BytePath(temporary), "TMPDIR", "make another TMPDIR", [.write, .keep]))
      }
    }
    func isMissing(_ pattern: PathPattern) -> Bool {
      missing.contains { $0 == pattern || PathPattern.isBelow(pattern.anchor, $0.anchor) }
        || missing.contains {
          $0.form != .literal && BytePath($0.anchor) == BytePath(pattern.anchor)
        }
    }
    for root in files.whileTainted.roots where !isMissing(root) {
      try addKept(root, among: files.write ?? [])
    }
    for pattern in own where !isMissing(pattern) {
      let folder = try folder(BytePath(pattern.anchor), "exec.own")
      try requireWritable(folder.path, "exec.own", pattern)
      try add(folder, as: BytePath(pattern.anchor), .own)
    }
  }

  /// What stays writable after a slam is not moved to where others look, either.
  private mutating func addKept(_ root: PathPattern, among roots: [PathPattern]) throws(TelosError)
  {
    let key = "files.whileTainted"
    guard root.form == .literal else {
      let found = try folder(BytePath(root.anchor), key)
      try requireWritable(found.path, key, root)
      anchors.insert(
        try addWritableFolder(
          BytePath(root.anchor), key, "name another folder", [.write, .keep]))
      return
    }
    let path = try addWritableFile(BytePath(root.anchor), key, [.write, .keep])
    if !roots.contains(root) { try requireWritable(path, key, root) }
  }

  private func requireWritable(_ path: BytePath, _ key: String, _ pattern: PathPattern)
    throws(TelosError)
  {
    guard writable.contains(where: { Self.isIn(path, $0) }) else {
      throw TelosError(
        .refused, "\(key): \(pattern) is not inside a directory that the agent may write",
        hint: "add \(pattern) to files.write")
    }
  }

  /// Nobody signed the working directory, so it may not be one that the system runs or trusts.
  private mutating func addWorkingDirectory() throws(TelosError) -> BytePath {
    let path = context.workingDirectory
    let hint = "start the agent in a folder of its own, or name files.write in the intent"
    let found = try folder(path, "the working directory")
    let system: [BytePath] = ["/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr"]
    if let bad = system.first(where: { Self.isIn(found.path, $0) }) {
      throw TelosError(
        .refused, "the working directory: \(path) lies in \(bad), which other programs trust",
        hint: hint)
    }
    return try addWritableFolder(path, "the working directory", hint, .write)
  }

  private mutating func addWritableFolder(
    _ path: BytePath, _ key: String, _ hint: String, _ flags: RuleFlags
  ) throws(TelosError) -> BytePath {
    let found = try folder(path, key)
    let special: [BytePath] = [
      "/proc", "/sys", "/dev", "/etc/telos", "/var/lib/telos", "/run/telos",
    ]
    let bad = found.path == .root ? .root : special.first { Self.isIn(found.path, $0) }
    if let bad {
      throw TelosError(
        .refused,
        "\(key): \(path) \(bad == .root ? "is" : "lies in") \(bad), where no agent writes",
        hint: hint)
    }
    try add(found, as: path, flags)
    return found.path
  }

  /// - Returns: its path without links.
  private mutating func addWritableFile(_ path: BytePath, _ key: String, _ flags: RuleFlags)
    throws(TelosError) -> BytePath
  {
    guard let file = try view.resolve(path) else {
      throw TelosError(
        .notFound, "\(key): \(path) does not exist on this node",
        hint: key == "files.write"
          ? "create it before the agent starts, write its folder as DIR/**, or {path: \(PathPattern.escaped(path.description)), optional: true}"
          : "create it before the agent starts, or write its folder as DIR/**")
    }
    if file.isDirectory {
      throw TelosError(
        .refused, "\(key): \(path) is a folder", hint: "write \(path)/** for all of it")
    }
    guard file.isRegular || file.isCharacterDevice else {
      throw TelosError(
        .refused, "\(key): \(path) is neither a file nor a character device",
        hint: "writing to a raw disk would bypass every gate; remove the entry")
    }
    guard
      file.isCharacterDevice
        || !["/proc", "/sys", "/dev"].contains(where: { Self.isIn(file.path, BytePath($0)) })
    else {
      throw TelosError(
        .refused, "\(key): \(path) is \(file.path), where no agent writes",
        hint: "take the entry out")
    }
    do throws(TelosError) {
      try add(file, as: path, flags)
    } catch {
      guard file.isCharacterDevice else { throw error }
      throw TelosError(
        .notYet, "not yet: \(key): this node cannot tell the device \(path) by identity",
        hint: "null, zero, full, random and the own terminal need no entry")
    }
    return file.path
  }

  private func folder(_ path: BytePath, _ key: String) throws(TelosError) -> RootView.Found {
    guard let found = try view.resolve(path) else {
      throw TelosError(
        .notFound, "\(key): the directory \(path) does not exist on this node",
        hint: key == "files.write"
          ? "create it before the agent starts, or write {path: \(PathPattern.escaped(path.description))/**, optional: true}"
          : "create it before the agent starts")
    }
    guard found.isDirectory else {
      throw TelosError(
        .refused, "\(key): \(path) is not a folder", hint: "leave out the /** for a single file")
    }
    return found
  }

  /// Whether `path` is `root` or lies below it.
  static func isIn(_ path: BytePath, _ root: BytePath) -> Bool {
    path == root || root == .root || path.isBelow(root)
  }
}
