/// What one agent can use up of the proxy, and what all can.
public struct ProxyLimits: Sendable, Hashable {
  /// Answers to one agent a second, and how many at once after a pause. What is above waits, then falls away.
  public var answersPerSecond = 20_000
  public var burst = 4_000
  /// Questions of one agent that wait for their turn.
  public var waiting = 512
  /// Look-ups of one agent that are on their way upstream.
  public var lookUpsPerAgent = 256
  /// Look-ups of one network that are on their way upstream.
  public var lookUps = 1_024
  /// Windows of one agent that have not run out.
  public var windows = 4_096
  /// Answers that are remembered for one agent.
  public var answers = 4_096
  /// TCP connections of one agent, and of all. The one that was idle longest makes room.
  public var connectionsPerAgent = 32
  public var connections = 2_048
  /// A question by TCP has to be complete within this time of its first byte; a connection may be idle as long.
  public var connectionPatience: UInt64 = 5 * second
  /// How long an answer from upstream is waited for: less than the five seconds that clients wait.
  public var patience: UInt64 = 4_500_000_000

  /// The shortest time that an answer opens a window, in seconds, whatever its records say: libcurl keeps addresses for 60
  /// seconds without a look at them. An intent's own limit can be shorter.
  public static let floorSeconds: UInt32 = 60
  /// What a window outlives the time to live that is handed out by.
  public static let grace: UInt64 = 10 * second
  /// How long a refusal may be remembered, in seconds.
  static let refusalSeconds: UInt32 = 2

  public init() {}
}

/// Nanoseconds.
let second: UInt64 = 1_000_000_000
