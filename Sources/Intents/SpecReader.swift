internal import AddressSets
internal import TelosCore

extension TreeReader {
  mutating func exec(_ value: Value) -> Intent.Exec {
    let fields = fields(value, ["allow", "own", "jit"])
    var exec = Intent.Exec(allow: [])
    if fields["allow"] == nil {
      missing("allow", in: value, "write allow: [{path: /usr/bin/cat}]")
    }
    let allowed = items(fields["allow"])
    if let allow = fields["allow"], case .list(let list) = allow.tree.content, list.isEmpty {
      problem(
        allow, "the list is empty: an agent under this intent could not run anything",
        "name at least one executable, as {path: /usr/bin/cat}")
    }
    for item in allowed {
      if let executable = executable(item) { exec.allow.append(executable) }
    }
    exec.own = patterns(fields["own"], .own)
    exec.jit = flag(fields["jit"])
    return exec
  }

  private mutating func executable(_ item: Value) -> Intent.Executable? {
    if case .text(let path) = item.tree.content {
      problem(item, "expected a path in braces", "write {path: \(path)}")
      return nil
    }
    let fields = fields(item, ["path", "sha256", "fsverity", "multicall", "optional"])
    if fields["path"] == nil { missing("path", in: item, "write path: /usr/bin/cat") }
    let path = parsed(fields["path"]) { text throws(TelosError) in try ExecPath(text) }
    let sha256 = digest(fields["sha256"], "sha256sum FILE")
    let fsverity = digest(fields["fsverity"], "fsverity digest --compact FILE")
    guard let path else { return nil }
    if path.isGlob, let hash = fields["sha256"] ?? fields["fsverity"] {
      problem(
        hash, "a content hash belongs to a single file, but the path is a glob",
        "write one entry for each file, or leave it out")
    }
    if fields["sha256"] != nil, let other = fields["fsverity"] {
      problem(
        other, "one content hash is enough, and sha256 is already given",
        "remove one of the two")
    }
    return Intent.Executable(
      path: path, sha256: sha256, fsverity: fsverity, multicall: flag(fields["multicall"]),
      optional: flag(fields["optional"]))
  }

  /// - Parameter command: what prints such a digest.
  private mutating func digest(_ value: Value?, _ command: String) -> Digest? {
    parsed(value) { text throws(TelosError) in
      guard let digest = Digest(hex: text) else {
        throw TelosError(
          .invalidArgument, "\(Quote(text)) is not a SHA-256 digest",
          hint: "write the 64 hexadecimal digits that \(command) prints")
      }
      return digest
    }
  }

  /// A choice that is either made or not; nothing else means yes.
  mutating func flag(_ value: Value?) -> Bool {
    parsed(value) { text throws(TelosError) in
      switch text {
      case "true": return true
      case "false": return false
      default:
        throw TelosError(
          .invalidArgument, "\(Quote(text)) is neither true nor false",
          hint: "write true, or leave the key out")
      }
    } ?? false
  }

  mutating func patterns(_ value: Value?, _ use: PathPattern.Use) -> [PathPattern] {
    var patterns: [PathPattern] = []
    for item in items(value) {
      let pattern = parsed(item) { text throws(TelosError) in try PathPattern(text, use: use) }
      if let pattern { patterns.append(pattern) }
    }
    return patterns
  }
}
