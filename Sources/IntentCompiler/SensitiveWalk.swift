internal import Glibc
internal import Intents
internal import Kernel
internal import TelosCore

/// A look at what patterns with one anchor match now, nearest folders first, bounded.
struct SensitiveWalk: Sendable {
  struct Pattern: Sendable {
    var match: PathPattern.Match
    var deep: Bool
    var flags: RuleFlags
  }

  /// Without links in it.
  var anchor: BytePath
  var patterns: [Pattern]

  /// Every agent's start waits for this walk; beyond it the rule of the directory alone holds.
  private static let maximumNames = 10_000
  private static let maximumFolders = 1_000
  private static let maximumFiles = 1_024

  struct Match: Sendable {
    var file: RootView.Found
    var path: BytePath
    var flags: RuleFlags
  }
  struct Findings: Sendable {
    var files: [Match]
    /// Whether these are all.
    var isWhole: Bool
  }

  func files(_ view: RootView) -> Findings {
    var files: [Match] = []
    var folders = [anchor]
    var next = 0
    var visited = 0
    while next < folders.count {
      guard next < Self.maximumFolders, visited < Self.maximumNames else {
        return Findings(files: files, isWhole: false)
      }
      let folder = folders[next]
      let names = view.names(in: folder, limit: Self.maximumNames - visited) ?? []
      visited += names.count
      for name in names.sorted(by: { $0.name < $1.name }) {
        let path = folder.appending(name.name)
        let flags = flags(of: name.name, deep: next > 0)
        // Most names are neither: their kind alone tells.
        guard !flags.isEmpty || name.kind == DT_DIR || name.kind == DT_UNKNOWN,
          let file = view.entry(name.name, in: folder, kind: name.kind)
        else { continue }
        if file.isDirectory {
          // Not through links, nor into what holds no files.
          if file.path == path, patterns.contains(where: \.deep),
            !["/proc", "/sys", "/dev"].contains(path)
          {
            folders.append(path)
          }
        } else if !flags.isEmpty, file.isRegular {
          guard files.count < Self.maximumFiles else {
            return Findings(files: files, isWhole: false)
          }
          files.append(Match(file: file, path: path, flags: flags))
        }
      }
      next += 1
    }
    return Findings(files: files, isWhole: visited < Self.maximumNames)
  }

  private func flags(of name: BytePath, deep: Bool) -> RuleFlags {
    patterns.reduce(into: []) { flags, pattern in
      if pattern.deep || !deep, pattern.match.matches(name) { flags.formUnion(pattern.flags) }
    }
  }
}
