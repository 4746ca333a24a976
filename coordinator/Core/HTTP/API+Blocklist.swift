internal import AddressSets
internal import FoundationEssentials
internal import Hummingbird
internal import Operations
internal import TelosAPI
internal import TelosCore

/// The blocklist: what operators ask to have dropped.
extension API {
  func addBlocklist(to routes: RoleRoutes) {
    routes.post(CoordinatorRoute.blocklist, requires: .responder) { request, context in
      let body = try await request.json(BlocklistRequest.self, upTo: Limit.list)
      // Whoever contains does not give back: what is taken out of the list reaches every node again.
      if body.givesBack { try context.require(.operator) }
      let now = Date()
      let outcome = try await publisher.changeBlocklist(
        try body.change(at: now), by: context.actor, at: now)
      return try Answer.json(
        BlocklistAnswer(
          object: ObjectName(outcome.object), added: outcome.added, removed: outcome.removed,
          updated: outcome.updated, unchanged: outcome.unchanged,
          neverBlocked: outcome.neverBlocked,
          stillListed: outcome.stillListed.map { BlocklistEntry($0) }))
    }
    routes.get(CoordinatorRoute.blocklist, requires: .viewer) { request, _ in
      let limit = try request.number("limit", in: 1...100_000, default: 1000)
      let after = try request.text("after").map { try BlocklistCursor($0) }
      let address = try request.text("address").map { try IPAddress($0) }
      let page = try await store.read { store in
        let entries =
          try address.map { try store.blocklist(covering: $0) }
          ?? store.blocklistPage(after: after, limit: limit)
        let isLast = address != nil || entries.count < limit
        return BlocklistPage(
          object: try store.object(.ipset, "").map { ObjectName($0.object) },
          entries: entries.map { BlocklistEntry($0) }, total: try store.blocklistCount(),
          next: isLast ? nil : entries.last.map { "\(BlocklistCursor($0))" })
      }
      return try Answer.json(page)
    }
  }
}

extension BlocklistEntry {
  fileprivate init(_ listed: ListedEntry) {
    let source = listed.source
    self.init(
      entry: "\(listed.prefix)", set: source.set, scope: source.scope.isEmpty ? nil : source.scope,
      origin: source.origin, reason: source.reason.isEmpty ? nil : source.reason,
      priority: Int(source.priority), added: listed.added.rfc3339,
      expires: source.expires?.rfc3339)
  }
}
