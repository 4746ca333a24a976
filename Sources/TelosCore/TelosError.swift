/// The one error shape of Telos: what went wrong, and what a person can do about it.
///
/// Daemons turn it into an RPC or HTTP status and the CLI into an exit code, each in one place.
public struct TelosError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is; the raw value is part of the HTTP API and of `-o json`.
  public enum Code: String, Sendable, Codable, CaseIterable {
    case invalidArgument = "invalid-argument"
    case notFound = "not-found"
    case conflict
    case refused
    case unauthenticated
    case forbidden
    case unavailable
    case timeout
    case corrupt
    case kernel
    case notYet = "not-yet"
    case internalError = "internal"
  }

  public var code: Code
  /// One sentence that names the thing at fault, without a final stop.
  public var message: String
  /// What to do next, without a final stop.
  public var hint: String?

  public init(_ code: Code, _ message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  public var description: String { hint.map { "\(message); \($0)" } ?? message }

  /// The CLI's exit status: 64 for bad input (BSD's EX_USAGE), 69 unavailable, 75 a time-out, 77 not allowed, 1 else.
  public var exitCode: Int32 {
    switch code {
    case .invalidArgument, .notYet: 64
    case .unavailable: 69
    case .timeout: 75
    case .unauthenticated, .forbidden: 77
    default: 1
    }
  }

  /// The HTTP status of the coordinator's API and of the control socket.
  public var httpStatus: Int {
    switch code {
    case .invalidArgument: 400
    case .unauthenticated: 401
    case .forbidden: 403
    case .notFound: 404
    case .conflict, .refused: 409
    case .notYet: 501
    case .unavailable: 503
    case .timeout: 504
    case .corrupt, .kernel, .internalError: 500
    }
  }
}
