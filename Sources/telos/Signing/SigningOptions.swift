internal import ArgumentParser
internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// What every `sign` takes.
struct SigningOptions: ParsableArguments {
  @Option(
    help:
      "The private key, NAME.key of `telos key new`. Can be repeated if the threshold requires it."
  )
  var key: [String]

  @Option(
    help:
      "The version, which must increase with every change. Default: the current Unix time in seconds."
  )
  var version: UInt64?

  @Option(
    help: "The era of the version: that of the root for this role, which `telos key show` names.")
  var era: UInt64 = 0

  @Option(help: "How long the statement is valid for new starts: 30d, 12h.", transform: TTL.read)
  var expires = TTL(seconds: 90 * 86400)

  func keys() throws(TelosError) -> [SigningKey] {
    var keys: [SigningKey] = []
    for path in key { keys.append(try SigningKey(contentsOf: path)) }
    return keys
  }

  func validate() throws {
    guard Era.version(version ?? 1, in: era) != nil else {
      throw ValidationError(
        "a version is below \(Era.size), and an era at most \(Era.last)")
    }
  }

  func versionNow(_ now: Date = Date()) -> UInt64 {
    era * Era.size + (version ?? UInt64(now.timeIntervalSince1970))
  }

  func expiry(_ now: Date = Date()) -> Date { now.after(expires) }
}

extension Date {
  /// Later by `ttl`, in whole seconds, as signed payloads have it.
  func after(_ ttl: TTL) -> Date {
    Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down) + Double(ttl.seconds))
  }
}
