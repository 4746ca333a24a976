internal import FleetCA
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import TelosAPI
internal import TelosCore
internal import Trust

/// What goes with a request through the API.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Set by ``BearerAuthentication``; every route behind it has one.
  var token: AccessToken?

  init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }

  /// The name for the audit log.
  var actor: String { token?.name ?? "nobody" }
}

/// The one place where failures become HTTP answers. What failed inside is logged, not told.
struct ErrorAnswers: RouterMiddleware {
  typealias Context = APIContext
  let metrics: Metrics
  let log: Logger

  func handle(
    _ request: Request, context: APIContext,
    next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = Self.answer(Self.told(error))
      if response.status.code >= 500 {
        log.error(
          "request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      }
    }
    metrics.answered(response.status.code)
    return response
  }

  private static func told(_ error: any Error) -> TelosError {
    switch error {
    case let error as TelosError: return error
    case let refusal as Refusal: return refusal.telosError
    case is NIOTooManyBytesError:
      return TelosError(.invalidArgument, "the request is too large", hint: "split it")
    case let error as any HTTPResponseError where error.status == .notFound:
      return TelosError(.notFound, "there is no such resource", hint: "see docs/protocol.md")
    case let error as any HTTPResponseError where error.status.code < 500:
      return TelosError(.invalidArgument, "the request cannot be read: \(error.status)")
    default: return TelosError(.internalError, "internal error", hint: "see the coordinator's log")
    }
  }

  private static func answer(_ error: TelosError) -> Response {
    let inner = [.corrupt, .kernel, .internalError].contains(error.code)
    let told =
      inner
      ? TelosError(error.code, "internal error", hint: "see the coordinator's log") : error
    // Encoding three strings does not fail.
    var response = (try? Answer.json(ErrorAnswer(told))) ?? Response(status: .internalServerError)
    response.status = HTTPResponse.Status(code: error.httpStatus)
    if error.code == .unauthenticated { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }
}

/// Lets through who shows a bearer token that the store knows.
struct BearerAuthentication: RouterMiddleware {
  typealias Context = APIContext
  let store: Store

  func handle(
    _ request: Request, context: APIContext,
    next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let denied = TelosError(
      .unauthenticated, "a valid bearer token is needed",
      hint: "operators make tokens: telos access grant; the first one is in admin.token of the "
        + "coordinator's data folder")
    guard let header = request.headers[.authorization], header.utf8.count <= 512,
      header.lowercased().hasPrefix("bearer ")
    else { throw denied }
    let hash = BearerToken.hash(header.dropFirst("bearer ".count))
    guard let token = try await store.read({ try $0.token(hash: hash) }) else { throw denied }
    var context = context
    context.token = token
    return try await next(request, context)
  }
}

/// Bodies in and out.
enum Answer {
  static func json(_ value: some Encodable) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return raw(try encoder.encode(value))
  }

  /// JSON that is served byte for byte.
  static func raw(_ bytes: Data, type: String = "application/json") -> Response {
    Response(
      status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

extension Request {
  /// The whole body, refused beyond `limit` bytes.
  func bytes(upTo limit: Int) async throws -> Data {
    let buffer = try await body.collect(upTo: limit)
    return Data(buffer.readableBytesView)
  }

  func json<T: Decodable>(_ type: T.Type, upTo limit: Int) async throws -> T {
    let data = try await bytes(upTo: limit)
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
      throw TelosError(
        .invalidArgument, "invalid request body: \(Self.words(error))",
        hint: "see docs/protocol.md")
    }
  }

  private static func words(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has another type"
    default: "it cannot be read"
    }
  }

  /// A number in the query, in its bounds.
  func number(_ name: String, in range: ClosedRange<Int>, default value: Int) throws -> Int {
    guard let text = uri.queryParameters.get(name) else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw TelosError(
        .invalidArgument,
        "\(name) is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func text(_ name: String) -> String? {
    uri.queryParameters.get(name).flatMap { $0.isEmpty ? nil : $0 }
  }
}
