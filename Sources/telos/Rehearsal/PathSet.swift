internal import TelosCore

/// Paths as texts, told apart by their bytes: of a `Set<String>`, NFC and NFD of one name would be one member.
struct PathSet: Sendable, Equatable, Sequence, ExpressibleByArrayLiteral {
  private var paths: Set<BytePath> = []

  init(_ texts: some Sequence<String>) { paths = Set(texts.map { BytePath($0) }) }
  init(arrayLiteral elements: String...) { self.init(elements) }

  var isEmpty: Bool { paths.isEmpty }

  func contains(_ text: String) -> Bool { paths.contains(BytePath(text)) }
  mutating func insert(_ text: String) { paths.insert(BytePath(text)) }
  mutating func remove(_ text: String) { paths.remove(BytePath(text)) }

  func union(_ other: PathSet) -> PathSet {
    var all = self
    all.paths.formUnion(other.paths)
    return all
  }

  /// In the order of their bytes.
  func sorted() -> [String] { paths.sorted().map(\.description) }

  func makeIterator() -> IndexingIterator<[String]> { sorted().makeIterator() }
}
