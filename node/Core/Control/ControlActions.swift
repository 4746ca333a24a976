public import TelosAPI
public import TelosCore

/// What the control socket's requests do; the daemon behind it.
public protocol ControlActions: Sendable {
  func report(of agent: UInt64) async throws(TelosError) -> SelfReport
  func start(_ request: RunRequest, for caller: Caller) async throws(TelosError) -> RunAnswer
  func bind(_ request: BindRequest) async throws(TelosError) -> BindAnswer
  func status() async -> NodeStatus
  func agents() async -> [AgentReport]
}
