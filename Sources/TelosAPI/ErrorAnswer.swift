internal import FoundationEssentials
public import TelosCore

/// The body of every answer that is not a success.
public struct ErrorAnswer: Sendable, Hashable, Codable {
  struct Content: Sendable, Hashable, Codable {
    var code: String
    var message: String
    var hint: String?
  }
  var error: Content

  public init(_ error: TelosError) {
    self.error = Content(code: error.code.rawValue, message: error.message, hint: error.hint)
  }

  /// The error that an answer with a status other than success stands for.
  ///
  /// - Parameter source: who answered, for answers that do not say what was wrong: "the node".
  public static func error(status: Int, body: [UInt8], from source: String) -> TelosError {
    if let content = try? JSONDecoder().decode(ErrorAnswer.self, from: Data(body)).error {
      let code = TelosError.Code(rawValue: content.code) ?? code(of: status)
      return TelosError(code, content.message, hint: content.hint)
    }
    return TelosError(
      code(of: status), "\(source) answered with status \(status) and gave no reason")
  }

  private static func code(of status: Int) -> TelosError.Code {
    switch status {
    case 400: .invalidArgument
    case 401: .unauthenticated
    case 403: .forbidden
    case 404: .notFound
    case 409: .refused
    case 501: .notYet
    case 502, 503: .unavailable
    case 504: .timeout
    default: .internalError
    }
  }
}
