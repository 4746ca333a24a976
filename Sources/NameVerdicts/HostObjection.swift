public import TelosCore

/// What `telos intent check` and `sign` say about a host that an intent names: a look-alike there costs most, since an operator's
/// signature makes it permitted.
public struct HostObjection: Sendable {
  private let list: WatchList

  /// Throws `unavailable` where ICU or libpsl is not installed.
  public init() throws(TelosError) { list = try .builtIn() }

  /// Nil for a plain name.
  ///
  /// - Returns: what it looks like, and what to write if that is meant, both without a final stop.
  public func callAsFunction(_ name: String) -> (message: String, suggestion: String)? {
    let verdict = NameVerdict(judging: name, with: list)
    guard verdict.kind != .plain else { return nil }
    let summary = verdict.summary
    return (
      summary.hasSuffix(".") ? String(summary.dropLast()) : summary,
      verdict.reasons.first?.resembles.map { "if “\($0)” is meant, write that" }
        ?? "look at it twice"
    )
  }
}
