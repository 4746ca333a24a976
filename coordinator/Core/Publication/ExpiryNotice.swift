internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// What is published and expires, so that somebody has to sign it again in time.
extension Publication {
  /// How long before the end of a never-block set the alarm begins, in seconds.
  static let notice: TimeInterval = 14 * 86400

  /// When the first of the never-block sets expires, or did; nil without one.
  var neverBlockExpires: Date? {
    objects.filter { $0.object.kind == .neverBlock }.map(\.expires).min()
  }

  /// What a person should do before long, or should have done.
  func problems(at now: Date) -> [String] {
    guard let expires = neverBlockExpires, expires <= now.addingTimeInterval(Self.notice) else {
      return []
    }
    return [
      expires > now
        ? "the never-block set expires at \(expires.rfc3339): sign and apply it again (telos never-block sign)"
        : "the never-block set expired at \(expires.rfc3339) and stays in force: sign and apply it again (telos never-block sign)"
    ]
  }
}
