import TelosCore
import Testing

@testable import TelosAPI

@Suite("routes of the two HTTP APIs")
struct RouteTests {
  @Test func whatANameHoldsStaysInsideItsPartOfThePath() {
    #expect(CoordinatorRoute.intent.path("read-logs") == "/v1/intents/read-logs")
    #expect(
      CoordinatorRoute.ban.path("../a b/ü?x=1") == "/v1/nodes/..%2Fa%20b%2F%C3%BC%3Fx%3D1/ban")
    #expect(
      CoordinatorRoute.receipts.path("ipset", CoordinatorRoute.fleet, query: ["version": "7"])
        == "/v1/objects/ipset/-/receipts?version=7")
  }

  @Test func aPartIsReadAsItWasMeant() {
    for text in ["", "read-logs", "../a b/ü?x=1", "%", "env=prod,role=web", "a+b"] {
      #expect(Route.decoded(Route.encoded(text)) == text)
    }
    for bad in ["%", "a%2", "%zz", "%FF", "%C3%28"] { #expect(Route.decoded(bad) == nil, "\(bad)") }
  }

  @Test func aQueryHasTheValuesThatAreThere() {
    #expect(CoordinatorRoute.events.path(query: ["after": nil, "node": nil]) == "/v1/events")
    #expect(
      CoordinatorRoute.events.path(query: ["limit": "5", "after": nil, "node": "a&b"])
        == "/v1/events?limit=5&node=a%26b")
  }

  /// Every request in the tables of docs/protocol.md, and no other.
  @Test func theDocumentedRequestsAreTheRoutes() throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    let text = String(
      decoding: try DurableFile.read("\(root)/docs/protocol.md"), as: UTF8.self)
    let request = try Regex("`(GET|PUT|POST|DELETE) (/v1/[^`? ]*)")
    let documented = text.matches(of: request).map { match in
      match.output[2].substring.map(String.init) ?? ""
    }
    let routes = [
      CoordinatorRoute.status, CoordinatorRoute.root, CoordinatorRoute.intents,
      CoordinatorRoute.intent, CoordinatorRoute.neverBlock, CoordinatorRoute.neverBlockSet,
      CoordinatorRoute.blocklist, CoordinatorRoute.receipts, CoordinatorRoute.nodes,
      CoordinatorRoute.tokens, CoordinatorRoute.ban, CoordinatorRoute.incidents,
      CoordinatorRoute.incident, CoordinatorRoute.events, CoordinatorRoute.audit,
      CoordinatorRoute.access,
      CoordinatorRoute.ownAccess, CoordinatorRoute.grant, NodeRoute.selfReport, NodeRoute.run,
      NodeRoute.bind, NodeRoute.status, NodeRoute.agents,
    ]
    /// Names in capital letters stand for the variable parts.
    func form(_ path: some StringProtocol) -> String {
      path.split(separator: "/").map { part in
        part.hasPrefix(":") || part.allSatisfy(\.isUppercase) ? "*" : String(part)
      }.joined(separator: "/")
    }
    #expect(Set(documented.map(form)) == Set(routes.map { form($0.pattern) }))
  }
}
