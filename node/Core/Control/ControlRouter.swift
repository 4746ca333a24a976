internal import FoundationEssentials
public import Hummingbird
public import Logging
internal import NIOCore
internal import Operations
internal import TelosAPI
internal import TelosCore

/// What a request of the control socket carries beside itself: its caller.
public struct ControlContext: RequestContext {
  public struct Source: RequestContextSource {
    public var logger: Logger
    public var caller: Caller

    public init(logger: Logger, caller: Caller) {
      self.logger = logger
      self.caller = caller
    }
  }
  public var coreContext: CoreRequestContextStorage
  public let caller: Caller

  public init(source: Source) {
    coreContext = .init(source: source)
    caller = source.caller
  }

  /// In bytes: an argument list of Linux may have 128 KiB a string, a request of this API has less.
  public var maxUploadSize: Int { 256 << 10 }
}

/// The routes of docs/protocol.md, and who may use them.
public struct ControlRouter: Sendable {
  let actions: any ControlActions
  /// Asked at each request: the group may be made after the daemon started.
  let group: @Sendable () -> UInt32?

  public init(actions: any ControlActions, group: @escaping @Sendable () -> UInt32?) {
    self.actions = actions
    self.group = group
  }

  public func router() -> Router<ControlContext> {
    let router = Router(context: ControlContext.self)
    router.add(middleware: ErrorAnswers())
    router.get(NodeRoute.selfReport) { _, context in
      try Answer.json(await actions.report(of: try managed(context)))
    }
    router.post(NodeRoute.run) { request, context in
      try unmanaged(context)
      let body = try await request.json(RunRequest.self, upTo: context.maxUploadSize)
      let answer = try await actions.start(body, for: context.caller)
      return try Answer.json(answer)
    }
    router.post(NodeRoute.bind) { request, context in
      try unmanaged(context)
      guard context.caller.uid == 0 else {
        throw TelosError(.forbidden, "only root may bind a container to an intent")
      }
      let body = try await request.json(BindRequest.self, upTo: context.maxUploadSize)
      return try Answer.json(try await actions.bind(body))
    }
    router.get(NodeRoute.status) { _, context in
      try unmanaged(context)
      return try Answer.json(await actions.status())
    }
    router.get(NodeRoute.agents) { _, context in
      try unmanaged(context)
      return try Answer.json(await actions.agents())
    }
    return router
  }

  private func managed(_ context: ControlContext) throws(TelosError) -> UInt64 {
    guard let agent = context.caller.agent else {
      throw TelosError(
        .forbidden, "the caller is not an agent of this node",
        hint: "start it with telos run")
    }
    return agent
  }

  private func unmanaged(_ context: ControlContext) throws(TelosError) {
    guard context.caller.agent == nil else {
      throw TelosError(
        .forbidden, "agents may not do that", hint: "GET /v1/self shows what the agent may do")
    }
    guard context.caller.isOperator(group: group()) else { throw ControlSocket.stranger }
  }
}

/// Where failures become answers. What failed inside is told as well: whoever may ask here looks after this machine.
struct ErrorAnswers<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do { return try await next(request, context) } catch {
      return Answer.error(
        Answer.known(error, of: request) ?? TelosError(.internalError, "\(error)"))
    }
  }
}
