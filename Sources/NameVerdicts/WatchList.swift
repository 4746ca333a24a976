internal import CWatchList
public import TelosCore

/// What names are compared with: watched names, allowed names, and the list of public suffixes.
///
/// A value of this type never changes, so that it may be shared by threads and swapped as a whole. Equal bytes of both
/// lists, the same engine and the same ICU give equal verdicts.
public final class WatchList: Sendable {
  /// Which rules, lists and tables a verdict was made with. Nodes whose versions differ may judge differently.
  public let versions: NameVerdict.Versions
  /// How many names are watched.
  public var count: Int { names.count }

  let names: [WatchedName]
  let suffixes: PublicSuffixes
  let characters: CharacterData
  /// Domains that are plain whatever they resemble: all that are watched, and those of `[allowed]`.
  let allowed: Set<[UInt8]>
  /// By the folded label.
  let byShape: HashIndex
  /// Of protected and popular names: by the label, by what is left of it when a letter goes, and by what is left when two
  /// neighbours become one.
  let byEdit: HashIndex

  private let text: WatchListText

  /// The list that this build carries, with libpsl's own public suffixes. Throws `unavailable` where ICU or libpsl is not
  /// installed.
  public static func builtIn() throws(TelosError) -> WatchList {
    try WatchList(builtInText, suffixes: .builtIn())
  }

  /// The bytes of the list that this build carries.
  public static var builtInText: [UInt8] {
    Array(UnsafeBufferPointer(start: telos_watch_list, count: telos_watch_list_size))
  }

  /// Reads a list. `text`: in the format that docs/verdicts.md shows. `protecting`: further protected names, such as those
  /// that an operator's own intents permit; a name below a private suffix is protected with the label before it. Throws
  /// `invalidArgument` with the line that is wrong, `unavailable` where ICU or libpsl is not installed.
  public convenience init(
    _ text: [UInt8], suffixes: PublicSuffixes, protecting own: [String] = []
  ) throws(TelosError) {
    try self.init(
      text: WatchListText(text), digest: Digest(of: text), suffixes: suffixes,
      characters: .loaded(), own: own)
  }

  private init(
    text: WatchListText, digest: Digest, suffixes: PublicSuffixes, characters: CharacterData,
    own: [String]
  ) throws(TelosError) {
    self.text = text
    self.suffixes = suffixes
    self.characters = characters
    var builder = WatchListBuilder(suffixes: suffixes, characters: characters)
    for name in own { try builder.addOwn(name) }
    for tier in [WatchTier.protected, .popular, .known] {
      for line in text.watched[tier] ?? [] { builder.add(line, tier) }
    }
    for name in text.allowed { builder.allow(name) }
    names = builder.names
    allowed = builder.allowed
    (byShape, byEdit) = builder.indexes()
    versions = NameVerdict.Versions(
      engine: NameVerdict.engine, suffixes: suffixes.version,
      watch: "\(text.version) sha256:\(digest)" + (own.isEmpty ? "" : " and \(own.count) own"),
      unicode: characters.version)
  }
}
