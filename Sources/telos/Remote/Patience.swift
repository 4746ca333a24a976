internal import TelosCore

/// Goes on asking a coordinator that is away for a while, as at a restart, once it has answered at all.
struct Patience {
  private let isOn: Bool
  private var hasAnswered = false

  init(_ isOn: Bool) { self.isOn = isOn }

  /// The answer, however long the coordinator is away; what else goes wrong, and any failure of the first question, is thrown.
  mutating func with<T: Sendable>(_ ask: () async throws -> T) async throws -> T {
    var pause = Duration.milliseconds(250)
    var isAway = false
    while true {
      do {
        let answer = try await ask()
        if isAway { StandardError.line("telos: the coordinator answers again") }
        hasAnswered = true
        return answer
      } catch let error as TelosError where isOn && hasAnswered && Self.passes(error) {
        if !isAway { StandardError.line("telos: \(error.message); trying again until it answers") }
        isAway = true
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(5))
      }
    }
  }

  /// Also a coordinator that was cut off in the middle of an answer, or that is starting.
  private static func passes(_ error: TelosError) -> Bool {
    error.code == .unavailable || error.code == .timeout
  }
}
