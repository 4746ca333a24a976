/// The one change that turns a watched label into another one.
struct Edit: Sendable, Hashable {
  enum Change: Sendable, Hashable {
    case added(String)
    case omitted(String)
    case replaced(String, by: String)
    case turned(String)
    case moved(String)
  }

  let change: Change
  /// Only the first character differs, as it does between many honest names (python, jython).
  let isAtStart: Bool

  /// One change of a single character, or of a plural or a neighbour, is made at labels as short as `EditRule.shortest`;
  /// others need this length.
  private static let shortestForMore = 6

  /// The change from `original` to `text`; nil where they are equal or more than one change apart. Changes are: one
  /// character more, less or another, two neighbours exchanged; unless `simple` also `es` more, two neighbours struck on
  /// one key, and one character moved to another place.
  init?(from original: [UInt8], to text: [UInt8], simple: Bool) {
    let head = Self.common(original, text)
    let tail = Self.commonEnd(original, text, after: head)
    let old = original[head..<original.count - tail]
    let new = text[head..<text.count - tail]
    // A doubled first letter is found at the second place.
    isAtStart =
      head + max(old.count, new.count) <= 1
      || head == 1 && tail == original.count - 1 && new.first == text[0]
    switch (old.count, new.count) {
    case (0, 1): change = .added(Self.text(new))
    case (1, 0): change = .omitted(Self.text(old))
    case (1, 1):
      // site45 and site46 are two sites.
      guard !(Self.isDigit(old[head]) && Self.isDigit(new[head])) else { return nil }
      change = .replaced(Self.text(old), by: Self.text(new))
    case (2, 2) where old[head] == new[head + 1] && old[head + 1] == new[head]:
      change = .turned(Self.text(old))
    default:
      guard !simple, let other = Self.larger(old, new, in: original, text) else { return nil }
      change = other
    }
  }

  private static func larger(
    _ old: ArraySlice<UInt8>, _ new: ArraySlice<UInt8>, in original: [UInt8], _ text: [UInt8]
  ) -> Change? {
    guard let place = [old.startIndex, new.startIndex].min() else { return nil }
    if old.isEmpty, new.count == 2, holdsPlural(text, at: place) { return .added("es") }
    guard original.count >= shortestForMore, old.count == new.count, old.count >= 2 else {
      return nil
    }
    if old.count == 2 {
      return new[place] == new[place + 1] ? .replaced(Self.text(old), by: Self.text(new)) : nil
    }
    if old.dropFirst().elementsEqual(new.dropLast()), old.first == new.last {
      return .moved(Self.text(old.prefix(1)))
    }
    if old.dropLast().elementsEqual(new.dropFirst()), old.last == new.first {
      return .moved(Self.text(new.prefix(1)))
    }
    return nil
  }

  private static func common(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let end = min(a.count, b.count)
    var count = 0
    while count < end, a[count] == b[count] { count += 1 }
    return count
  }

  private static func commonEnd(_ a: [UInt8], _ b: [UInt8], after head: Int) -> Int {
    let end = min(a.count, b.count) - head
    var count = 0
    while count < end, a[a.count - 1 - count] == b[b.count - 1 - count] { count += 1 }
    return count
  }

  /// Whether the two bytes that `text` has more can be read as `es`, at `place` or up to two before it: what is common at
  /// both ends may hide which two are new.
  private static func holdsPlural(_ text: [UInt8], at place: Int) -> Bool {
    for start in max(1, place - 2)...max(1, place) where start + 2 <= text.count {
      if text[start] == UInt8(ascii: "e"), text[start + 1] == UInt8(ascii: "s"),
        "sxz".utf8.contains(text[start - 1])
      {
        return true
      }
    }
    return false
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
