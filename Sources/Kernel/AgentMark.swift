internal import CTelosABI
internal import TelosCore

/// Whose a packet to the DNS proxy is: what the kernel wrote on it (SO_RCVMARK), or entered for its connection
/// (``ProxyLabel/caller(of:)``). Source: `TELOS_MARK_SLOT`.
public struct AgentMark: Sendable, Hashable {
  public let rawValue: UInt32

  /// Nil for a mark that no agent has.
  public init?(rawValue: UInt32) {
    guard rawValue & TELOS_MARK_SLOT != 0, rawValue & ~(TELOS_MARK_SLOT | TELOS_MARK_RANDOM) == 0
    else { return nil }
    self.rawValue = rawValue
  }

  private init(checked rawValue: UInt32) { self.rawValue = rawValue }

  static func random(slot: UInt32) -> AgentMark {
    precondition(slot != 0 && slot <= TELOS_MARK_SLOT)
    var generator = SystemRandomNumberGenerator()
    let random: UInt32 = generator.next()
    return AgentMark(checked: random & TELOS_MARK_RANDOM | slot)
  }

  var slot: UInt32 { rawValue & TELOS_MARK_SLOT }
}
