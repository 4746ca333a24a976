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
      let outcome = try await publisher.changeBlocklist(try body.change(), by: context.actor)
      return try Answer.json(
        BlocklistAnswer(
          object: ObjectName(outcome.object), added: outcome.added, removed: outcome.removed,
          unchanged: outcome.unchanged, neverBlocked: outcome.neverBlocked))
    }
    routes.get(CoordinatorRoute.blocklist, requires: .viewer) { request, _ in
      let limit = try request.number("limit", in: 1...100_000, default: 1000)
      let after = try request.text("after").map { try IPPrefix($0) }
      let page = try await store.read { store in
        let entries = try store.blocklistPage(after: after, limit: limit).map { "\($0)" }
        return BlocklistPage(
          object: try store.object(.ipset, "").map { ObjectName($0.object) }, entries: entries,
          total: try store.blocklistCount(), next: entries.count == limit ? entries.last : nil)
      }
      return try Answer.json(page)
    }
  }
}

extension BlocklistRequest {
  /// Whether addresses may be in the list that are not afterwards.
  var givesBack: Bool { replace != nil || remove?.isEmpty == false }

  /// Reads every entry before anything is changed; the first bad one is named by its place.
  func change() throws(TelosError) -> BlocklistChange {
    if let replace {
      guard add == nil, remove == nil else {
        throw TelosError(.invalidArgument, "replace cannot be combined with add or remove")
      }
      // A list that holds nothing is most often a download that failed.
      guard !replace.isEmpty || allowEmpty == true else {
        throw TelosError(
          .invalidArgument, "replace names no entry, which would clear the blocklist",
          hint: "if that is meant, send \"allowEmpty\": true; nothing was changed")
      }
      return .replace(try checkWidth(try Self.read(replace, "replace")))
    }
    guard add != nil || remove != nil else {
      throw TelosError(
        .invalidArgument, "the request does not name any entries",
        hint: "give add, remove or replace")
    }
    return .edit(
      add: try checkWidth(try Self.read(add ?? [], "add")),
      remove: try Self.read(remove ?? [], "remove"))
  }

  /// Blocks so wide that most often a typing mistake made them. Nobody who asks can leave this out.
  private func checkWidth(_ set: AddressSet) throws(TelosError) -> AddressSet {
    guard allowWide != true, let wide = IPPrefix.widest(of: set.entries) else { return set }
    throw TelosError(
      .invalidArgument, "the request names \(wide)",
      hint: "if that is meant, send \"allowWide\": true; nothing was changed")
  }

  private static func read(_ entries: [String], _ list: String) throws(TelosError) -> AddressSet {
    var prefixes: [IPPrefix] = []
    prefixes.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      do throws(TelosError) {
        prefixes.append(try IPPrefix(entry))
      } catch {
        throw TelosError(
          .invalidArgument, "entry \(index + 1) of \(list): \(error.message)",
          hint: (error.hint.map { "\($0); " } ?? "") + "nothing was changed")
      }
    }
    return AddressSet(prefixes)
  }
}
