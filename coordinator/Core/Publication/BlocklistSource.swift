internal import AddressSets
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore
internal import Trust

/// What entries of the blocklist have in common: in which set they are, for which nodes, who listed them, why, and for how long.
struct BlocklistSource: Sendable, Hashable {
  /// The set of what operators list themselves.
  static let operators = "operators"
  static let usualPriority: UInt8 = 100
  /// In bytes of UTF-8.
  static let maximumReason = 256
  /// In bytes of UTF-8: it is the name of an object in every manifest.
  static let maximumScope = 256
  /// Of all sets together: each is read at every change.
  static let maximum = 10_000
  /// Beside the whole fleet's. A node takes sets of no more scopes than this.
  static let maximumScopes = 15

  /// 0 before it is stored.
  var id: Int64 = 0
  var set = operators
  /// Labels that a node must have, `key=value,…` in the order of keys; empty for the whole fleet.
  var scope = ""
  /// Who listed them: the name of an access token.
  var origin = ""
  var reason = ""
  /// Of several entries for one address, the one of the highest priority counts.
  var priority = usualPriority
  /// From then on the entries are not blocked; nil for never.
  var expires: Date?

  /// What the audit log says was changed.
  var subject: String { scope.isEmpty ? "fleet" : scope }

  /// Whether entries of both would be one list, in which an address stands once.
  func isListed(with other: BlocklistSource) -> Bool { set == other.set && scope == other.scope }

  func isAlike(_ other: BlocklistSource) -> Bool {
    var numbered = other
    numbered.id = id
    return numbered == self
  }

  func endsLater(than other: BlocklistSource) -> Bool {
    (expires ?? .distantFuture) > (other.expires ?? .distantFuture)
  }

  /// The canonical form of a scope. Throws `invalidArgument` for one that no node can have.
  static func canonical(scope: String) throws(TelosError) -> String {
    guard scope.utf8.count <= maximumScope else {
      throw TelosError(
        .invalidArgument, "the scope has over \(maximumScope) bytes",
        hint: "name fewer labels; nothing was changed")
    }
    let canonical = scope.split(separator: ",", omittingEmptySubsequences: false).sorted()
      .joined(separator: ",")
    do {
      _ = try StatementHeader(kind: .ipset, scope: canonical, version: 1, expires: .distantFuture)
    } catch {
      throw TelosError(
        .invalidArgument, error.message, hint: "write key=value, or several joined by commas")
    }
    return canonical
  }
}

/// A place in the list, ordered by address and source.
struct BlocklistCursor: Sendable, Hashable, CustomStringConvertible {
  var prefix: IPPrefix
  var source: Int64

  init(_ entry: ListedEntry) {
    prefix = entry.prefix
    source = entry.source.id
  }

  /// Reads `PREFIX@SOURCE`; a prefix alone stands behind all of its entries.
  init(_ text: String) throws(TelosError) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    prefix = try IPPrefix(String(parts[0]))
    guard parts.count == 2 else {
      source = .max
      return
    }
    guard let number = Int64(parts[1]) else {
      throw TelosError(
        .invalidArgument, "\"\(text)\" is no place in the blocklist",
        hint: "give what \"next\" of the page before says")
    }
    source = number
  }

  var description: String { "\(prefix)@\(source)" }
}
