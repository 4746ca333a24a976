internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  mutating func addSensitive(_ entries: [Intent.SensitiveFile]) throws(TelosError) {
    var walks: [SensitiveWalk] = []
    for entry in entries {
      if entry.optional, try isMissing(entry.path) {
        notes.append(
          "files.sensitive: \(entry.path) is left out: its directory does not exist, and agents that start before it is created are not covered"
        )
        continue
      }
      let flags: RuleFlags = entry.level == .critical ? .critical : .warn
      let (match, deep): (PathPattern.Match, Bool)
      switch entry.path.form {
      case .literal:
        try addSensitiveFile(BytePath(entry.path.anchor), flags)
        continue
      case .children(let names): (match, deep) = (names, false)
      case .descendants(let names): (match, deep) = (names, true)
      }
      let anchor = try addTail(
        entry.path, TailRule(flags: flags, match: match.tail, deep: deep))
      let pattern = SensitiveWalk.Pattern(match: match, deep: deep, flags: flags)
      if let known = walks.firstIndex(where: { $0.anchor == anchor }) {
        walks[known].patterns.append(pattern)
      } else {
        walks.append(SensitiveWalk(anchor: anchor, patterns: [pattern]))
      }
    }
    for walk in walks { try mark(walk) }
  }

  /// Whether the folder is missing in which the rule for names would stand.
  private func isMissing(_ pattern: PathPattern) throws(TelosError) -> Bool {
    pattern.form == .literal
      ? try view.parent(of: BytePath(pattern.anchor)).folder == nil
      : try view.resolve(pattern.anchor)?.isDirectory != true
  }

  private mutating func addSensitiveFile(_ path: BytePath, _ flags: RuleFlags) throws(TelosError) {
    let (parent, name) = try view.parent(of: path)
    guard let parent else { throw Self.noFolder(path, "files.sensitive") }
    let tail = TailRule(flags: flags, match: .name(name), deep: false)
    try add(parent, as: parent.path, [], tails: [tail])
    anchors.insert(parent.path)
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
      anchors.insert(folder.path)
    }
  }

  private mutating func addTail(_ pattern: PathPattern, _ tail: TailRule) throws(TelosError)
    -> BytePath
  {
    guard let anchor = try view.resolve(pattern.anchor), anchor.isDirectory else {
      throw TelosError(
        .notFound, "files.sensitive: the directory \(pattern.anchor) of \(pattern) does not exist",
        hint: "create it before the agent starts, remove the entry, or add optional: true to it"
      )
    }
    try add(anchor, as: BytePath(pattern.anchor), [], tails: [tail])
    anchors.insert(anchor.path)
    return anchor.path
  }

  /// Flags what is there already by identity too: it may have other names elsewhere.
  private mutating func mark(_ walk: SensitiveWalk) throws(TelosError) {
    let found = findings(of: walk)
    for match in found.files { try add(match.file, as: match.path, match.flags) }
    if !found.isWhole {
      notes.append(
        "there are very many files below \(walk.anchor): beyond the first \(found.files.count), rules apply by name and do not cover other hard links"
      )
    }
  }

  /// As it was found before, where nothing changed.
  private func findings(of walk: SensitiveWalk) -> SensitiveWalk.Findings {
    guard let memory = context.memory else { return walk.files(view) }
    let key = CompileMemory.Key(walk, place: context.place)
    if case .walk(let known) = memory.recall(key, root: context.root) { return known }
    let footprint = Footprint()
    let found = walk.files(RootView(root: context.root, footprint: footprint))
    if context.hasRoot { memory.remember(.walk(found), footprint, key) }
    return found
  }

  static func noFolder(_ path: BytePath, _ key: String) -> TelosError {
    TelosError(
      .notFound, "\(key): the directory of \(path) does not exist",
      hint: key == "files.sensitive"
        ? "create it before the agent starts, remove the entry, or add optional: true to it"
        : "create it before the agent starts, or remove the entry")
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
  func matches(_ name: BytePath) -> Bool {
    switch self {
    case .any: true
    case .name(let text): name == text
    case .suffix(let text): name.bytes.reversed().starts(with: text.bytes.reversed())
    case .prefix(let text): name.bytes.starts(with: text.bytes)
    }
  }
}
