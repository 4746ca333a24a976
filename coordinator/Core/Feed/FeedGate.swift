internal import GRPCCore
internal import HTTPTypes
internal import Hummingbird
internal import TelosCore

/// Turns new calls away while this coordinator does not hear what others changed. Calls in progress go on.
struct FeedGate: ServerInterceptor {
  let feed: ChangeFeed

  static let refusal = TelosError(
    .unavailable, "this coordinator has not reached its store for a while, and takes no new calls",
    hint: "call another coordinator, or try again")

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next:
      @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
      StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    guard feed.isCurrent else { throw RPCErrors.status(Self.refusal) }
    return try await next(request, context)
  }
}

/// The same for the HTTP API.
struct FeedGateHTTP: RouterMiddleware {
  typealias Context = APIContext
  let feed: ChangeFeed

  func handle(
    _ request: Request, context: APIContext,
    next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    guard feed.isCurrent else { throw FeedGate.refusal }
    return try await next(request, context)
  }
}
