internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  /// How many files a pattern's existing matches are looked for among, and how many get a rule of their own. Beyond
  /// it the rule of the directory alone holds.
  private static let maximumVisited = 10_000
  private static let maximumMarked = 1_024

  mutating func addSensitive(_ entry: Intent.SensitiveFile) throws(TelosError) {
    let flags: RuleFlags = entry.level == .critical ? .critical : .warn
    switch entry.path.form {
    case .literal: try addSensitiveFile(entry.path.anchor, flags)
    case .children(let match): try addSensitiveNames(entry.path, match, deep: false, flags)
    case .descendants(let match): try addSensitiveNames(entry.path, match, deep: true, flags)
    }
  }

  private mutating func addSensitiveFile(_ path: String, _ flags: RuleFlags) throws(TelosError) {
    let (parent, name) = try view.parent(of: path)
    guard let parent else { throw Self.noFolder(path, "files.sensitive") }
    let tail = TailRule(flags: flags, match: .name(name), deep: false)
    try add(parent, as: parent.path, [], tails: [tail])
    guard let file = try view.resolve(path) else { return }
    guard !file.isDirectory else {
      throw TelosError(
        .refused, "files.sensitive: \(path) is a folder",
        hint: "write \(path)/** for everything in it")
    }
    try add(file, as: path, flags)
    // A link leads to a file in another folder, which may be replaced there as well.
    let real = try view.parent(of: file.path)
    if let folder = real.folder, folder.path != parent.path || real.name != name {
      let tail = TailRule(flags: flags, match: .name(real.name), deep: false)
      try add(folder, as: folder.path, [], tails: [tail])
    }
  }

  private mutating func addSensitiveNames(
    _ pattern: PathPattern, _ match: PathPattern.Match, deep: Bool, _ flags: RuleFlags
  ) throws(TelosError) {
    guard let anchor = try view.resolve(pattern.anchor), anchor.isDirectory else {
      throw TelosError(
        .notFound, "files.sensitive: the folder \(pattern.anchor) of \(pattern) is not there",
        hint: "create it before the agent starts, or take the entry out")
    }
    let tail = TailRule(flags: flags, match: match.tail, deep: deep)
    try add(anchor, as: pattern.anchor, [], tails: [tail])
    try markExisting(anchor, match, deep: deep, flags, pattern)
  }

  /// Flags what is there already by identity too: it may have other names elsewhere.
  private mutating func markExisting(
    _ anchor: RootView.Found, _ match: PathPattern.Match, deep: Bool, _ flags: RuleFlags,
    _ pattern: PathPattern
  ) throws(TelosError) {
    var folders = [anchor.path]
    var visited = 0
    var marked = 0
    while let folder = folders.popLast() {
      let names = view.names(in: folder, limit: Self.maximumVisited - visited) ?? []
      visited += names.count
      for name in names.sorted() {
        let path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
        guard let file = view.entry(name, in: folder) else { continue }
        if file.isDirectory {
          // Not through links, nor into what is no file system of files.
          if deep, file.path == path, !["/proc", "/sys", "/dev"].contains(path) {
            folders.append(path)
          }
        } else if match.matches(name), file.isRegular, marked < Self.maximumMarked {
          try add(file, as: path, flags)
          marked += 1
        }
      }
      if visited >= Self.maximumVisited || marked >= Self.maximumMarked {
        notes.append(
          "\(pattern) means very many files: beyond \(marked) of them it holds by name, not for other hard links of theirs"
        )
        return
      }
    }
  }

  static func noFolder(_ path: String, _ key: String) -> TelosError {
    TelosError(
      .notFound, "\(key): the folder of \(path) is not there",
      hint: "create it before the agent starts, or take the entry out")
  }
}

extension PathPattern.Match {
  var tail: TailRule.Match {
    switch self {
    case .any: .any
    case .name(let text): .name(text)
    case .suffix(let text): .suffix(text)
    case .prefix(let text): .prefix(text)
    }
  }

  /// By bytes, as the kernel compares.
  func matches(_ name: String) -> Bool {
    switch self {
    case .any: true
    case .name(let text): name.utf8.elementsEqual(text.utf8)
    case .suffix(let text): name.utf8.reversed().starts(with: text.utf8.reversed())
    case .prefix(let text): name.utf8.starts(with: text.utf8)
    }
  }
}
