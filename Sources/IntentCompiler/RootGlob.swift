internal import Glibc
internal import Intents
internal import TelosCore

extension RootView {
  /// How many names a glob looks at, and how many it may match.
  private static let maximumNames = 65536
  private static let maximumMatches = 4096

  /// The paths that a glob means, sorted: `*`, `?` and `[…]` match within one name, and never a leading dot.
  func glob(_ pattern: ExecPath) throws(TelosError) -> [BytePath] {
    var found: [BytePath] = [.root]
    for name in pattern.names {
      var next: [BytePath] = []
      for folder in found {
        let names =
          name.hasWildcard ? try matches(name.pattern, in: folder) : [BytePath(name.plain)]
        next += names.map { folder.appending($0) }
        guard next.count <= Self.maximumMatches else {
          throw TelosError(
            .refused, "\(pattern) matches more than \(Self.maximumMatches) names",
            hint: "name the programs that the agent needs")
        }
      }
      found = next
    }
    return found.sorted()
  }

  private func matches(_ pattern: String, in folder: BytePath) throws(TelosError) -> [BytePath] {
    guard let real = try? resolve(folder), real.isDirectory else { return [] }
    guard let names = names(in: real.path, limit: Self.maximumNames) else { return [] }
    guard names.count < Self.maximumNames else {
      throw TelosError(.refused, "\(folder) has too many entries for a glob")
    }
    return names.map(\.name).filter { name in
      name.withCString { fnmatch(pattern, $0, FNM_PERIOD | FNM_PATHNAME) == 0 }
    }
  }
}
