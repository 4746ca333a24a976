internal import AddressSets
internal import FoundationEssentials
internal import Hummingbird
internal import TelosCore

/// The blocklist: what operators ask to have dropped.
extension API {
  func addBlocklist(to router: RouterGroup<APIContext>) {
    router.post("blocklist") { request, context in
      let body = try await request.json(BlocklistRequest.self, upTo: Limit.list)
      let outcome = try await publisher.changeBlocklist(try body.change(), by: context.actor)
      return try Answer.json(
        BlocklistAnswer(
          object: outcome.object, added: outcome.added, removed: outcome.removed,
          unchanged: outcome.unchanged, neverBlocked: outcome.neverBlocked))
    }
    router.get("blocklist") { request, _ in
      let limit = try request.number("limit", in: 1...100_000, default: 1000)
      let after = try request.text("after").map { try IPPrefix($0) }
      let page = try await store.read { store in
        BlocklistPage(
          object: try store.object(.ipset, "")?.object,
          entries: try store.blocklistPage(after: after, limit: limit).map { "\($0)" },
          total: try store.blocklistCount())
      }
      return try Answer.json(page.withNext(limit))
    }
  }
}

private struct BlocklistRequest: Decodable {
  var add: [String]?
  var remove: [String]?
  var replace: [String]?

  /// Reads every entry before anything is changed; the first bad one is named by its place.
  func change() throws(TelosError) -> BlocklistChange {
    if let replace {
      guard add == nil, remove == nil else {
        throw TelosError(.invalidArgument, "replace cannot be combined with add or remove")
      }
      return .replace(try Self.read(replace, "replace"))
    }
    guard add != nil || remove != nil else {
      throw TelosError(
        .invalidArgument, "the request does not name any entries",
        hint: "give add, remove or replace")
    }
    return .edit(
      add: try Self.read(add ?? [], "add"), remove: try Self.read(remove ?? [], "remove"))
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

private struct BlocklistAnswer: Encodable {
  var object: ObjectVersion
  var added: Int
  var removed: Int
  var unchanged: Int
  var neverBlocked: [String]
}

private struct BlocklistPage: Encodable, Sendable {
  var object: ObjectVersion?
  var entries: [String]
  var total: Int
  /// Give it as `after` for the next page; absent on the last.
  var next: String?

  func withNext(_ limit: Int) -> BlocklistPage {
    var page = self
    page.next = entries.count == limit ? entries.last : nil
    return page
  }
}
