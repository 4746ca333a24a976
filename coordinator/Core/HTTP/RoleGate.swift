internal import HTTPTypes
internal import Hummingbird
internal import Synchronization
internal import TelosAPI
internal import TelosCore

/// Lets through whose role a route requires. A route that nobody gave a role lets nobody through.
final class RoleGate: RouterMiddleware {
  typealias Context = APIContext

  private let required = Mutex<[String: AccessRole]>([:])

  /// By method and path, as in `GET /v1/status`.
  var roles: [String: AccessRole] { required.withLock { $0 } }

  func require(_ role: AccessRole, of method: HTTPRequest.Method, _ path: RouterPath) {
    required.withLock { $0[Self.key(method, path.description)] = role }
  }

  func handle(
    _ request: Request, context: APIContext,
    next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    // Nil where there is no such route, which is said to everybody who has a token.
    guard let path = context.endpointPath else { return try await next(request, context) }
    guard let role = roles[Self.key(request.method, path)] else {
      throw TelosError(.internalError, "the route \(request.method) \(path) requires no role")
    }
    try context.require(role)
    return try await next(request, context)
  }

  static func key(_ method: HTTPRequest.Method, _ path: String) -> String {
    "\(method.rawValue) \(path)"
  }
}

/// Where the API adds its routes, each with the role that it requires.
struct RoleRoutes {
  typealias Handler = @Sendable (Request, APIContext) async throws -> Response

  let router: Router<APIContext>
  let gate: RoleGate

  func get(_ route: Route, requires role: AccessRole, _ handler: @escaping Handler) {
    on(.get, route, role, handler)
  }

  func put(_ route: Route, requires role: AccessRole, _ handler: @escaping Handler) {
    on(.put, route, role, handler)
  }

  func post(_ route: Route, requires role: AccessRole, _ handler: @escaping Handler) {
    on(.post, route, role, handler)
  }

  func delete(_ route: Route, requires role: AccessRole, _ handler: @escaping Handler) {
    on(.delete, route, role, handler)
  }

  private func on(
    _ method: HTTPRequest.Method, _ route: Route, _ role: AccessRole,
    _ handler: @escaping Handler
  ) {
    let path = RouterPath(route.pattern)
    gate.require(role, of: method, path)
    router.on(path, method: method, use: handler)
  }
}

extension APIContext {
  /// For routes where it depends on the request what may be done; the rest says so when it is added.
  func require(_ role: AccessRole) throws(TelosError) {
    guard let token else {
      throw TelosError(.internalError, "nobody asked who is calling")
    }
    guard token.role >= role else {
      throw TelosError(
        .forbidden, "\(token.name) is \(token.role.words), and this takes \(role.words)",
        hint: "an operator can make a token for it: telos access grant NAME --role \(role.rawValue)"
      )
    }
  }
}
