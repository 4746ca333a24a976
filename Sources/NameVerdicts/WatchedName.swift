/// How much a resemblance to a watched name means.
public enum WatchTier: Int, Sendable, Hashable, Codable, Comparable {
  case protected
  case popular
  case known

  public static func < (a: WatchTier, b: WatchTier) -> Bool { a.rawValue < b.rawValue }

  /// For sentences: what such a name is.
  var words: String {
    switch self {
    case .protected: "a protected name"
    case .popular: "a popular name"
    case .known: "a known name"
    }
  }
}

/// A name of the watch list, in the forms that rules compare with.
struct WatchedName: Sendable {
  /// The domain that is registered, in A-labels: `github.com`.
  var domain: String
  /// Its first label, read in ASCII.
  var label: [UInt8]
  /// The rest: `com`.
  var suffix: [UInt8]
  /// `label` with look-alike letters written alike.
  var folded: [UInt8]
  /// The same without the pairs that are read as one letter.
  var lettered: [UInt8]
  var tier: WatchTier
  /// The label is a word of the language: within another label it means nothing.
  var isWord: Bool
}
