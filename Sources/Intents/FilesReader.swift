internal import TelosCore

extension TreeReader {
  mutating func files(_ value: Value?) -> Intent.Files {
    var files = Intent.Files()
    guard let value else { return files }
    let fields = fields(value, ["sensitive", "write", "whileTainted"])
    for item in items(fields["sensitive"]) {
      if let one = sensitive(item) { files.sensitive.append(one) }
    }
    if let write = fields["write"] {
      var roots: [PathPattern] = []
      for item in items(write) {
        guard let (root, isOptional) = writeRoot(item) else { continue }
        roots.append(root)
        if isOptional { files.optionalWrites.insert(root) }
      }
      files.write = roots
    }
    files.whileTainted = whileTainted(fields["whileTainted"])
    return files
  }

  private mutating func sensitive(_ item: Value) -> Intent.SensitiveFile? {
    if case .text(let path) = item.tree.content {
      problem(item, "expected a path in braces", "write {path: \(path), level: critical}")
      return nil
    }
    let keys = fields(item, ["path", "level", "optional"])
    if keys["path"] == nil { missing("path", in: item, "write path: /srv/app/**/.env") }
    let path = parsed(keys["path"]) { text throws(TelosError) in
      try PathPattern(text, use: .sensitive)
    }
    let level = choice(keys["level"], of: Intent.SensitiveFile.Level.self) ?? .critical
    let isOptional = flag(keys["optional"])
    return path.map { Intent.SensitiveFile(path: $0, level: level, optional: isOptional) }
  }

  /// A path, or `{path, optional}`.
  private mutating func writeRoot(_ item: Value) -> (root: PathPattern, isOptional: Bool)? {
    guard case .map = item.tree.content else {
      return parsed(item) { text throws(TelosError) in
        (try PathPattern(text, use: .write), false)
      }
    }
    let keys = fields(item, ["path", "optional"])
    if keys["path"] == nil { missing("path", in: item, "write path: /srv/work/**") }
    let root = parsed(keys["path"]) { text throws(TelosError) in
      try PathPattern(text, use: .write)
    }
    let isOptional = flag(keys["optional"])
    return root.map { ($0, isOptional) }
  }

  /// `all`, `none`, or a list of folders and files.
  private mutating func whileTainted(_ value: Value?) -> Intent.WhileTainted {
    guard let value else { return .none }
    if case .list = value.tree.content {
      let roots = patterns(value, .keep)
      return roots.isEmpty ? .none : .roots(roots)
    }
    return parsed(value) { text throws(TelosError) in
      switch text {
      case "all": return .all
      case "none": return .none
      default:
        throw TelosError(
          .invalidArgument, "\(Quote(text)) is neither all, nor none, nor a list",
          hint: text.hasByte(of: "/")
            ? "write [\(Quote(text))]"
            : "write none, all, or the folders, as [\"/srv/work/out/**\"]")
      }
    } ?? .none
  }
}
