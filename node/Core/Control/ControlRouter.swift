internal import FoundationEssentials
public import Hummingbird
public import Logging
internal import NIOCore
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
      try Answer(await actions.report(of: try managed(context)))
    }
    router.post(NodeRoute.run) { request, context in
      try unmanaged(context)
      let body: RunRequest = try await Self.body(request, context)
      let answer = try await actions.start(body, for: context.caller)
      return try Answer(answer)
    }
    router.post(NodeRoute.bind) { request, context in
      try unmanaged(context)
      guard context.caller.uid == 0 else {
        throw TelosError(.forbidden, "only root may bind a container to an intent")
      }
      let body: BindRequest = try await Self.body(request, context)
      return try Answer(try await actions.bind(body))
    }
    router.get(NodeRoute.status) { _, context in
      try unmanaged(context)
      return try Answer(await actions.status())
    }
    router.get(NodeRoute.agents) { _, context in
      try unmanaged(context)
      return try Answer(await actions.agents())
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

  private static func body<Body: Decodable>(_ request: Request, _ context: ControlContext)
    async throws -> Body
  {
    let buffer: ByteBuffer
    do { buffer = try await request.body.collect(upTo: context.maxUploadSize) } catch {
      throw TelosError(
        .invalidArgument, "the request is larger than \(context.maxUploadSize) bytes")
    }
    do {
      return try JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView))
    } catch {
      throw TelosError(
        .invalidArgument, "invalid request body for \(request.uri.path): \(error)",
        hint: "docs/protocol.md describes the format")
    }
  }
}

/// JSON with a status.
struct Answer: ResponseGenerator {
  var body: [UInt8]
  var status: HTTPResponse.Status

  init(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    body = [UInt8](try encoder.encode(value))
    self.status = status
  }

  func response(from request: Request, context: some RequestContext) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(bytes: body)))
  }
}

/// Turns errors into the error object and its status, in this one place.
struct ErrorAnswers<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do { return try await next(request, context) } catch {
      let failure: TelosError
      if let error = error as? TelosError {
        failure = error
      } else if let error = error as? HTTPError, error.status == .notFound {
        failure = TelosError(.notFound, "\(request.method) \(request.uri.path) does not exist")
      } else {
        failure = TelosError(.internalError, "\(error)")
      }
      return try Answer(ErrorAnswer(failure), status: .init(code: failure.httpStatus)).response(
        from: request, context: context)
    }
  }
}

extension RouterMethods {
  func get(
    _ route: Route,
    use closure: @escaping @Sendable (Request, Context) async throws -> some ResponseGenerator
  ) { get(RouterPath(route.pattern), use: closure) }

  func post(
    _ route: Route,
    use closure: @escaping @Sendable (Request, Context) async throws -> some ResponseGenerator
  ) { post(RouterPath(route.pattern), use: closure) }
}
