public import TelosCore

/// A path of an intent in one of the forms that the kernel can decide: a file, or one rule for the names directly in,
/// or anywhere below, a directory.
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
  public enum Match: Sendable, Hashable {
    case any
    case name(BytePath)
    /// At most 32 bytes, of the end of the last component.
    case suffix(BytePath)
    /// At most 32 bytes, of its beginning.
    case prefix(BytePath)
  }
  public enum Form: Sendable, Hashable {
    case literal
    /// `ANCHOR/*`, `ANCHOR/*.pem`, `ANCHOR/id_*`.
    case children(Match)
    /// `ANCHOR/**`, `ANCHOR/**/.env`, `ANCHOR/**/*.pem`, `ANCHOR/**/id_*`.
    case descendants(Match)
  }

  /// What a pattern stands in; it decides the forms that are allowed.
  public enum Use: String, Sendable {
    case sensitive, write, own
    /// Of what `write` has, what stays writable after a slam.
    case keep = "whileTainted"
  }

  /// As written.
  public let description: String
  public let form: Form
  /// The directory before the first wildcard (`/` for the root); of a literal the path itself. Without backslashes.
  public let anchor: String

  /// By the bytes that it was written with: NFC and NFD of one name are two paths.
  public static func == (left: PathPattern, right: PathPattern) -> Bool {
    left.description.utf8.elementsEqual(right.description.utf8)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(BytePath(description)) }

  /// How long a suffix or prefix may be. Source: `text` of `struct telos_tail`.
  static let maximumText = 32
  /// How many bytes a name in a directory has at most. Source: `NAME_MAX`.
  static let maximumName = 255

  public init(_ text: String, use: Use) throws(TelosError) {
    let names = try Self.names(of: text)
    let wild = names.firstIndex(where: \.hasWildcard) ?? names.count
    description = text
    anchor = "/" + names[..<wild].map(\.plain).joined(separator: "/")
    form = try Self.form(of: names[wild...], anchor: Self.escaped(anchor), text: text)
    try Self.check(self, use)
  }

  /// Whether everything that `other` means lies in what this one means, by their texts alone.
  func covers(_ other: PathPattern) -> Bool {
    if self == other { return true }
    guard form == .descendants(.any) else { return false }
    return Self.isBelow(other.anchor, anchor)
      || (BytePath(other.anchor) == BytePath(anchor) && other.form != .literal)
  }

  /// Whether `path` lies strictly below the directory `root`, by their texts alone.
  public static func isBelow(_ path: String, _ root: String) -> Bool {
    root == "/" ? path != "/" : path.utf8.starts(with: "\(root)/".utf8)
  }

  /// The components of an absolute path that names no `.`, `..` or empty component.
  ///
  /// - Parameter isPattern: the caller looks at how long the names are, without their backslashes.
  static func components(of text: String, isPattern: Bool = false) throws(TelosError) -> [String] {
    guard text.utf8.first == UInt8(ascii: "/") else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a relative path",
        hint: "write the absolute path, from / on")
    }
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
      throw TelosError(.invalidArgument, "\(Quote(text)) contains a control character")
    }
    guard text.utf8.count < 4096 else {
      throw TelosError(.invalidArgument, "\(Quote(text)) is longer than a path can be")
    }
    let components = text.utf8.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
    ).map { String(decoding: $0, as: UTF8.self) }
    if components == [""] { return [] }
    for component in components {
      guard !["", ".", ".."].contains(component) else {
        throw TelosError(
          .invalidArgument, "\(Quote(text)) is not in its shortest form",
          hint: "write it without \"//\", \"/./\", \"/../\" and without a \"/\" at the end")
      }
      guard isPattern || component.utf8.count <= maximumName else { throw tooLong(text) }
    }
    return components
  }

  static func tooLong(_ text: String) -> TelosError {
    TelosError(.invalidArgument, "\(Quote(text)) has a name longer than \(maximumName) bytes")
  }
}

extension String {
  /// By bytes, so that a combining mark behind a wildcard or a slash hides neither.
  func hasByte(of set: String) -> Bool { utf8.contains { set.utf8.contains($0) } }
}
