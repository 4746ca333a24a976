internal import TelosAPI

extension AccessGrant {
  /// `ana, responder, until T`.
  var words: String {
    let end = expires.map { "until \($0.printable)" } ?? "with no expiry"
    return "\(name.printable), \(role.printable), \(end)"
  }
}
