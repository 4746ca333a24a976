public import FoundationEssentials
internal import TelosCore
public import X509

/// Renewal of a certificate at half of its life, with a fresh key each time.
public struct Renewal: Sendable {
  private let source: CredentialSource
  private let store: @Sendable (Credential) throws -> Void
  private let name: String
  private let now: @Sendable () -> Date
  private let request: @Sendable (_ csrDER: [UInt8]) async throws -> [[UInt8]]

  /// - Parameters:
  ///   - source: shown to the other end; replaced on success.
  ///   - name: of the node, for the request's subject only.
  ///   - store: keeps the new credential on disk; called before it is shown.
  ///   - request: asks the coordinator; answers the chain in DER, leaf first.
  public init(
    source: CredentialSource, name: String,
    now: @escaping @Sendable () -> Date = { Date() },
    store: @escaping @Sendable (Credential) throws -> Void,
    request: @escaping @Sendable (_ csrDER: [UInt8]) async throws -> [[UInt8]]
  ) {
    self.source = source
    self.name = name
    self.now = now
    self.store = store
    self.request = request
  }

  /// When a certificate is due: half of the time between its two dates.
  public static func due(_ certificate: Certificate) -> Date {
    let life = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
    return certificate.notValidBefore.addingTimeInterval(life / 2)
  }

  /// Seconds to wait before the next attempt: until due, spread over a twentieth of the life so that a fleet enrolled at
  /// once does not renew at once; after `failures` in a row from 5 s doubling to 5 minutes.
  static func delay(
    _ certificate: Certificate, now: Date, failures: Int, random: Double
  ) -> TimeInterval {
    if failures > 0 {
      return min(5 * Double(1 << min(failures - 1, 6)), 300) * (0.5 + random / 2)
    }
    let life = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
    return max(due(certificate).timeIntervalSince(now) + random * life / 20, 0)
  }

  /// Renews once. Throws `refused` if the answer is for another identity than the present certificate.
  public func renew() async throws {
    let key = IdentityKey()
    let chain = try await request(try key.signingRequest(name: name))
    let renewed = try Credential(chainDER: chain, key: key)
    guard try PeerIdentity(renewed.leaf) == PeerIdentity(source.credential.leaf) else {
      throw TelosError(.refused, "the renewed certificate is for another identity")
    }
    guard renewed.leaf.notValidAfter > now() else {
      throw TelosError(.refused, "the renewed certificate has already expired")
    }
    try store(renewed)
    try source.replace(with: renewed)
  }

  /// Renews for as long as the task runs.
  ///
  /// - Parameter onFailure: told of each failed attempt; the next follows after a pause.
  public func run(onFailure: @Sendable (any Error) -> Void = { _ in }) async throws {
    var failures = 0
    while true {
      let delay = Self.delay(
        source.credential.leaf, now: now(), failures: failures, random: .random(in: 0..<1))
      try await Task.sleep(for: .seconds(delay))
      do {
        try await renew()
        failures = 0
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        failures += 1
        onFailure(error)
      }
    }
  }
}
