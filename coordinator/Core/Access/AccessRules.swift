internal import FleetCA
internal import FoundationEssentials
internal import TelosCore

/// Who gets a token of the HTTP API, and who loses it. Each is part of one transaction.
enum AccessRules {
  /// In seconds: ten years, as everywhere that a person gives a lifetime.
  static let longest: TimeInterval = 3650 * 86400
  /// Tokens at one time.
  static let most = 1000

  /// Stores a new token, of which only the hash is known here.
  ///
  /// - Throws: `conflict` where a token that has not expired has the name: the audit log names people by it.
  static func grant(
    _ name: String, _ role: AccessRole, hash: Digest, lifetime: TimeInterval?,
    by actor: String, _ store: StoreTransaction
  ) throws -> AccessToken {
    try check(name)
    if let lifetime, !(1...longest).contains(lifetime) {
      throw TelosError(.invalidArgument, "a token lives between 1 second and 3650 days")
    }
    try store.removeExpiredTokens()
    let tokens = try store.tokens()
    guard !tokens.contains(where: { $0.name == name }) else {
      throw TelosError(
        .conflict, "there is a token with the name \(name) already",
        hint: "choose another name, or revoke that one first: telos access revoke \(name)")
    }
    guard tokens.count < most else {
      throw TelosError(
        .conflict, "there are \(most) tokens already",
        hint: "revoke those that nobody needs: telos access list")
    }
    let expires = lifetime.map { store.now.addingTimeInterval($0) }
    try store.addToken(hash: hash, name: name, role: role, expires: expires, by: actor)
    try store.audit(
      AuditEntry(
        actor: actor, action: "access.grant", subject: name,
        detail: "\(role.rawValue), expires \(expires?.rfc3339 ?? "never")"))
    guard let token = try store.token(hash: hash) else {
      throw TelosError(.internalError, "a token that was just stored is not there")
    }
    return token
  }

  /// Takes a token away; the next request with it is refused.
  ///
  /// - Throws: `conflict` for the last operator's token that does not expire: with it nobody could make another, ever.
  static func revoke(_ id: String, by actor: String, _ store: StoreTransaction) throws
    -> AccessToken
  {
    let tokens = try store.tokens()
    guard let token = tokens.first(where: { $0.id == id }) else {
      throw TelosError(
        .notFound, "there is no token \(id.bounded(40))", hint: "telos access list shows the ids")
    }
    let lasting = tokens.filter { $0.role == .operator && $0.expires == nil }
    guard lasting.map(\.id) != [id] else {
      throw TelosError(
        .conflict, "this is the last operator's token that does not expire",
        hint: "make another first: telos access grant NAME --role operator --no-expiry")
    }
    try store.removeToken(hash: token.hash)
    try store.audit(
      AuditEntry(
        actor: actor, action: "access.revoke", subject: token.name,
        detail: "\(token.role.rawValue), id \(id)"))
    return token
  }

  private static func check(_ name: String) throws(TelosError) {
    let fits = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"), UInt8(ascii: "@"):
        true
      default: false
      }
    }
    // These are how the audit log names those who have no token.
    guard fits, (1...64).contains(name.utf8.count), !["coordinator", "init"].contains(name) else {
      throw TelosError(
        .invalidArgument, "\"\(name.bounded(80))\" is no name for a token",
        hint: "use 1 to 64 of A-Z a-z 0-9 . _ - @, such as the name of a person or a program")
    }
  }
}
