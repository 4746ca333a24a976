public import TelosCore

/// What `telos intent check` and `sign` say about the hosts that an intent names: a look-alike there costs most, since an
/// operator's signature makes it permitted.
public enum HostWarnings {
  /// One sentence for each host that is not plain, in their order. `hosts`: as an intent writes them, `api.github.com` or
  /// `*.example.org`. Nothing is loaded where there are none. Throws `unavailable` where ICU or libpsl is not installed.
  public static func about(_ hosts: [String]) throws(TelosError) -> [String] {
    guard !hosts.isEmpty else { return [] }
    let list = try WatchList.builtIn()
    return hosts.compactMap { host in
      let name = host.hasPrefix("*.") ? String(host.dropFirst(2)) : host
      let verdict = NameVerdict(judging: name, with: list)
      guard verdict.kind != .plain else { return nil }
      let advice =
        verdict.reasons.first?.resembles.map { "If “\($0)” is meant, write that." }
        ?? "Look at it twice."
      return "\(verdict.summary) \(advice)"
    }
  }
}
