internal import TelosCore

/// Lists that the coordinator answers page by page: each but the last names the key that the next one begins behind.
enum Pages {
  /// Every element, in order.
  ///
  /// - Parameters:
  ///   - list: what the answer calls its elements.
  ///   - target: the path of the page behind a key; nil for the first.
  ///   - get: asks for one page.
  static func all(
    _ list: String, at target: (_ after: String?) -> String,
    get: (_ target: String) async throws(TelosError) -> [UInt8]
  ) async throws(TelosError) -> [JSONDocument] {
    var elements: [JSONDocument] = []
    var seen: Set<String> = []
    var page = target(nil)
    while true {
      let answer = try JSONDocument(parsing: try await get(page))
      guard case .object(let fields) = answer, case .array(let more)? = fields[list] else {
        throw TelosError(
          .internalError, "the answer is not what this version of telos understands: no \(list)",
          hint: "compare `telos version` with the versions in `telos status`")
      }
      elements += more
      guard case .string(let next)? = fields["next"] else { return elements }
      // A coordinator that goes in circles must not hold a person for ever.
      guard seen.insert(next).inserted else {
        throw TelosError(.internalError, "the coordinator gives the same page again and again")
      }
      page = target(next)
    }
  }
}
