/// How an answer ends. Source: IANA, "DNS RCODEs"; those above 15 need EDNS.
enum ResponseCode: UInt16, Sendable {
  case noError = 0
  case formatError = 1
  case serverFailure = 2
  case nameError = 3
  case notImplemented = 4
  case refused = 5
  case badVersion = 16
}

/// Why an answer is what it is, for whoever reads it: an extended DNS error. Source: RFC 8914 and IANA's list.
struct Explanation: Sendable, Hashable {
  enum Code: UInt16, Sendable {
    case other = 0
    case bogus = 6
    case blocked = 15
    case notReady = 14
    case noReachableAuthority = 22
    case networkError = 23
  }

  var code: Code
  /// A sentence, at most 200 bytes. Nothing of an attacker's text stands in it.
  var text: String
}
