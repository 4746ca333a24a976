internal import FoundationEssentials
internal import NameProxy
internal import TelosAPI
internal import TelosCore

extension SelfReport.Denial {
  /// A name that the proxy did not answer as asked, for the agent itself.
  init(_ report: NameReport) {
    self.init(
      at: Date().rfc3339, gate: Gate.network.rawValue, reason: "name",
      detail: report.words, path: nil, destination: report.name.isEmpty ? nil : report.name)
  }
}

extension NameReport {
  /// Why, in words.
  var words: String {
    let why =
      switch reason {
      case .notAllowed: "the intent does not permit this name"
      case .carrier: "too much was said in names below one wildcard"
      case .verdict: "the name looks like another one"
      case .closedAddress: "its addresses are of a kind that a name may not open"
      case .noRoom: "there is no room for what its answer opens"
      case .tooMany: "the agent asks faster than it may"
      }
    return detail.isEmpty ? why : "\(why): \(detail)"
  }
}
