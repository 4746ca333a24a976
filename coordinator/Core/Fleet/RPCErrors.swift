internal import FleetIdentity
internal import GRPCCore
internal import TelosCore
internal import Trust

/// The one place where failures become RPC statuses. Messages of internal failures stay in the log.
enum RPCErrors {
  static func status(_ error: any Error) -> RPCError {
    switch error {
    case let error as RPCError: return error
    case let refusal as Refusal: return status(refusal.telosError)
    case is CancellationError: return RPCError(code: .cancelled, message: "the call was cancelled")
    case let error as TelosError: return RPCError(code: code(error.code), message: message(error))
    default: return RPCError(code: .internalError, message: "internal error")
    }
  }

  /// Runs a handler; whatever it throws leaves as an `RPCError`.
  static func translating<T>(_ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch {
      throw status(error)
    }
  }

  private static func message(_ error: TelosError) -> String {
    switch error.code {
    case .corrupt, .kernel, .internalError: "internal error"
    default: error.description
    }
  }

  private static func code(_ code: TelosError.Code) -> RPCError.Code {
    switch code {
    case .invalidArgument: .invalidArgument
    case .notFound: .notFound
    case .conflict: .alreadyExists
    case .refused: .failedPrecondition
    case .unauthenticated: .unauthenticated
    case .forbidden: .permissionDenied
    case .unavailable: .unavailable
    case .timeout: .deadlineExceeded
    case .notYet: .unimplemented
    case .corrupt, .kernel, .internalError: .internalError
    }
  }
}
