/// What a name looks like to a reader: nothing in particular, odd, or a trick. The same on every node with equal versions.
///
/// A verdict permits and refuses nothing: an intent does. It says whom a person might be made to mistake the name for.
public struct NameVerdict: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Nothing speaks against it.
    case plain
    /// It resembles a watched name in a way that honest names sometimes do.
    case odd
    /// It resembles a protected name in a way that honest names hardly ever do.
    case trick

    public static func < (a: Kind, b: Kind) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// What a verdict depends on besides the name.
  public struct Versions: Sendable, Hashable, Codable {
    /// The rules of this library.
    public var engine: String
    /// The list of public suffixes.
    public var suffixes: String
    /// The watch list: its version and the SHA-256 of its bytes.
    public var watch: String
    /// Unicode's data, and the ICU that holds it.
    public var unicode: String
  }

  /// Raised with each change of a rule or a table of this library.
  public static let engine = "1"

  /// As it was judged: lower-case A-labels without a dot at the end.
  public let name: String
  /// The name in Unicode where it is not ASCII.
  public let unicode: String?
  public let kind: Kind
  /// 0 for plain, 40 to 79 for odd, 80 to 99 for a trick. Higher is more alike; more than one reason adds a little.
  public let score: Int
  /// At most three, the heaviest first; none for a plain name.
  public let reasons: [Reason]
  public let versions: Versions

  /// Judges `name`, which may end in a dot and may be written in Unicode. What is no name of the DNS at all is odd.
  public init(judging name: String, with list: WatchList) {
    let judge = Judge(list: list)
    let judged = judge.judge(name)
    self.name = judged.name
    unicode = judged.unicode
    reasons = judged.reasons
    versions = list.versions
    score = Self.score(judged.reasons)
    kind = score >= 80 ? .trick : score >= 40 ? .odd : .plain
  }

  private static func score(_ reasons: [Reason]) -> Int {
    guard let heaviest = reasons.first else { return 0 }
    let most = heaviest.weight >= 80 ? 99 : 79
    return min(most, heaviest.weight + 3 * (reasons.count - 1))
  }

  /// The verdict in one sentence.
  public var summary: String {
    switch kind {
    case .plain: "“\(name)” resembles no name on the watch list."
    case .odd, .trick: reasons.first?.sentence ?? "“\(name)” is \(kind.rawValue)."
    }
  }
}
