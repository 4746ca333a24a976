public import FoundationEssentials
public import Hummingbird
internal import NIOCore
public import TelosAPI
public import TelosCore

/// Answers of the HTTP APIs.
public enum Answer {
  /// Keys sorted, so that one answer has one text.
  public static func bytes(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  public static func json(_ value: some Encodable) throws -> Response { raw(try bytes(value)) }

  /// JSON that is served byte for byte.
  public static func raw(_ bytes: Data) -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// The error object with the status that goes with it.
  public static func error(_ error: TelosError) -> Response {
    // Encoding three strings does not fail.
    var response = (try? json(ErrorAnswer(error))) ?? Response(status: .internalServerError)
    response.status = HTTPResponse.Status(code: error.httpStatus)
    if error.code == .unauthenticated { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }

  /// What a failure of a request is called; nil for one that came from inside.
  public static func known(_ error: any Error, of request: Request) -> TelosError? {
    switch error {
    case let error as TelosError: error
    case is NIOTooManyBytesError:
      TelosError(.invalidArgument, "the request is too large", hint: "split it")
    case let error as any HTTPResponseError where error.status == .notFound:
      TelosError(
        .notFound, "\(request.method) \(request.uri.path) does not exist",
        hint: "docs/protocol.md lists the requests")
    case let error as any HTTPResponseError where error.status.code < 500:
      TelosError(.invalidArgument, "the request cannot be read: \(error.status)")
    default: nil
    }
  }
}

extension Request {
  /// The whole body, refused beyond `limit` bytes.
  public func bytes(upTo limit: Int) async throws -> Data {
    let buffer = try await body.collect(upTo: limit)
    return Data(buffer.readableBytesView)
  }

  /// The body, read from JSON. Throws `invalid-argument` with the key that is wrong.
  public func json<Body: Decodable>(_ type: Body.Type, upTo limit: Int) async throws -> Body {
    let data = try await bytes(upTo: limit)
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
      throw TelosError(
        .invalidArgument, "invalid request body for \(uri.path): \(Self.words(error))",
        hint: "docs/protocol.md describes the format")
    }
  }

  private static func words(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has the wrong type"
    default: "it is not JSON"
    }
  }
}

extension Parameters {
  /// The text of a variable part of the path.
  public func text(_ name: String) throws -> String {
    let part = try require(name)
    guard let text = Route.decoded(part) else {
      throw TelosError(
        .invalidArgument, "the path has a part that is not percent-encoded UTF-8",
        hint: "docs/protocol.md lists the requests")
    }
    return text
  }
}

extension RouterMethods {
  public func get(
    _ route: Route,
    use closure: @escaping @Sendable (Request, Context) async throws -> some ResponseGenerator
  ) { get(RouterPath(route.pattern), use: closure) }

  public func put(
    _ route: Route,
    use closure: @escaping @Sendable (Request, Context) async throws -> some ResponseGenerator
  ) { put(RouterPath(route.pattern), use: closure) }

  public func post(
    _ route: Route,
    use closure: @escaping @Sendable (Request, Context) async throws -> some ResponseGenerator
  ) { post(RouterPath(route.pattern), use: closure) }
}
