internal import TelosAPI
internal import TelosCore

extension Event {
  /// What it is about: a destination, a file, or the words that the node had for it.
  var object: String {
    if let text = destination?.text { return text }
    if let path = file?.path, !path.isEmpty { return path }
    return detail
  }

  /// Why, for the last column of a listing.
  var why: String {
    var parts: [String] = []
    if !reason.isEmpty, reason != "none" { parts.append(Reason.words(reason)) }
    if !detail.isEmpty, detail != object { parts.append(detail) }
    return parts.joined(separator: "; ")
  }
}
