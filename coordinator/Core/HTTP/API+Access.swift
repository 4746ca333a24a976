internal import FleetCA
internal import FoundationEssentials
internal import Hummingbird
internal import Logging
internal import Operations
internal import TelosAPI
internal import TelosCore

/// Tokens of this API.
extension API {
  func addAccess(to routes: RoleRoutes) {
    routes.get(CoordinatorRoute.access, requires: .operator) { _, _ in
      let tokens = try await store.read { try $0.tokens() }
      return try Answer.json(tokens.map { AccessGrant($0, at: Date()) })
    }
    routes.get(CoordinatorRoute.ownAccess, requires: .viewer) { _, context in
      guard let token = context.token else {
        throw TelosError(.internalError, "nobody asked who is calling")
      }
      return try Answer.json(AccessGrant(token, at: Date()))
    }
    routes.post(CoordinatorRoute.access, requires: .operator) { request, context in
      let body = try await request.json(AccessRequest.self, upTo: Limit.small)
      guard let role = AccessRole(rawValue: body.role) else {
        throw TelosError(
          .invalidArgument, "there is no role \(body.role.bounded(40))",
          hint: "roles are viewer, responder and operator")
      }
      let bearer = BearerToken()
      let lifetime = body.ttlSeconds.map { TimeInterval($0) }
      let token = try await store.transaction {
        try AccessRules.grant(
          body.name, role, hash: bearer.hash, lifetime: lifetime, by: context.actor, $0)
      }
      log.notice("access granted", metadata: ["name": "\(token.name)", "role": "\(token.role)"])
      var answer = AccessGrant(token, at: Date())
      answer.token = bearer.text
      return try Answer.json(answer)
    }
    routes.delete(CoordinatorRoute.grant, requires: .operator) { _, context in
      let id = try context.parameters.text("id")
      let token = try await store.transaction {
        try AccessRules.revoke(id, by: context.actor, $0)
      }
      log.notice("access revoked", metadata: ["name": "\(token.name)", "role": "\(token.role)"])
      return try Answer.json(AccessGrant(token, at: Date()))
    }
  }
}

extension AccessGrant {
  fileprivate init(_ token: AccessToken, at now: Date) {
    self.init(
      id: token.id, name: token.name, role: token.role.rawValue, created: token.created.rfc3339,
      createdBy: token.createdBy, expires: token.expires?.rfc3339,
      expired: token.expires.map { $0 <= now } ?? false)
  }
}
