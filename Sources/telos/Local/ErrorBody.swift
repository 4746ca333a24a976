internal import FoundationEssentials
internal import TelosCore

/// The error object of both HTTP APIs.
struct ErrorBody: Codable {
  struct Content: Codable {
    var code: String
    var message: String
    var hint: String?
  }
  var error: Content

  /// The error that an answer with a status other than success stands for.
  static func error(status: Int, body: [UInt8], from source: String) -> TelosError {
    if let content = try? JSONDecoder().decode(ErrorBody.self, from: Data(body)).error {
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
