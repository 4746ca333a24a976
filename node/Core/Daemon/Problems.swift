internal import Synchronization

/// What is wrong with the parts of this daemon now, one text for each part.
final class Problems: Sendable {
  private let parts = Mutex<[String: String]>([:])

  /// Nil: nothing.
  subscript(_ part: String) -> String? {
    get { parts.withLock { $0[part] } }
    set { parts.withLock { $0[part] = newValue } }
  }

  /// By the names of the parts.
  var all: [String] {
    parts.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } }
  }
}
