/// Why a name is not plain.
public struct Reason: Sendable, Hashable, Codable {
  /// The raw value is part of `-o json`.
  public enum Rule: String, Sendable, Hashable, Codable, CaseIterable {
    case looksLike = "looks-like"
    case oneEdit = "one-edit"
    case spelledOut = "spelled-out"
    case withEnding = "with-ending"
    case acrossDots = "across-dots"
    case embedded
    case otherEnding = "other-ending"
    case mixedScripts = "mixed-scripts"
    case invalid
  }

  public let rule: Rule
  /// The watched name that it resembles; nil for rules about the name alone.
  public let resembles: String?
  /// 40 to 79 makes a name odd, 80 and more a trick.
  public let weight: Int
  /// One whole sentence.
  public let sentence: String
}
