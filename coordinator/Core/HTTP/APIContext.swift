internal import FleetCA
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Operations
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
      response = Answer.error(Self.told(error, request))
      if response.status.code >= 500 {
        log.error(
          "request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      }
    }
    metrics.answered(response.status.code)
    return response
  }

  private static func told(_ error: any Error, _ request: Request) -> TelosError {
    if let refusal = error as? Refusal { return refusal.telosError }
    let inside = TelosError(.internalError, "internal error", hint: "see the coordinator's log")
    guard let known = Answer.known(error, of: request) else { return inside }
    switch known.code {
    case .corrupt, .kernel, .internalError:
      return TelosError(known.code, inside.message, hint: inside.hint)
    default: return known
    }
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
    guard let header = request.headers[.authorization], header.utf8.count <= 512,
      header.lowercased().hasPrefix("bearer ")
    else { throw Self.denied }
    let hash = BearerToken.hash(header.dropFirst("bearer ".count))
    guard let token = try await store.read({ try $0.token(hash: hash) }) else {
      throw Self.denied
    }
    var context = context
    context.token = token
    return try await next(request, context)
  }

  fileprivate static let denied = TelosError(
    .unauthenticated, "a valid bearer token is needed",
    hint: "operators make tokens: telos access grant; the first one is in admin.token of the "
      + "coordinator's data folder")
}

extension APIContext {
  /// For an answer that took its time: whether the token that asked is still good.
  func requireToken(_ store: StoreTransaction) throws {
    guard let token, try store.token(hash: token.hash) != nil else {
      throw BearerAuthentication.denied
    }
  }
}

extension Request {
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
