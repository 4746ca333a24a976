import TelosAPI
import TelosCore
import Testing

@testable import telos

@Suite("lists in pages")
struct PagesTests {
  /// Answers from a table, and remembers what was asked.
  private final class Desk {
    var asked: [String] = []
    let answers: [String: String]
    init(_ answers: [String: String]) { self.answers = answers }

    func get(_ target: String) throws(TelosError) -> [UInt8] {
      asked.append(target)
      guard let answer = answers[target] else { throw TelosError(.notFound, target) }
      return Array(answer.utf8)
    }
  }

  @Test func allPagesAreFollowedByTheirKeys() async throws {
    let desk = Desk([
      "/v1/nodes": #"{"nodes":[{"name":"a"},{"name":"b&c"}],"next":"b&c"}"#,
      "/v1/nodes?after=b%26c": #"{"nodes":[{"name":"d"}],"next":"d"}"#,
      "/v1/nodes?after=d": #"{"nodes":[]}"#,
    ])
    let all = try await Pages.all(
      "nodes", at: { CoordinatorRoute.nodes.path(query: ["after": $0]) }
    ) {
      target async throws(TelosError) in try desk.get(target)
    }
    #expect(all.map { $0["name"] } == [.string("a"), .string("b&c"), .string("d")])
    #expect(desk.asked.count == 3)
    let nodes = try JSONDocument.array(all).decoded([[String: String]].self, what: "the list")
    #expect(nodes.map { $0["name"] } == ["a", "b&c", "d"])
  }

  @Test func aQueryStays() async throws {
    let desk = Desk([
      "/v1/incidents?state=open": #"{"incidents":[{"id":"x"}],"next":"7"}"#,
      "/v1/incidents?state=open&after=7": #"{"incidents":[{"id":"y"}]}"#,
    ])
    let all = try await Pages.all("incidents", at: { IncidentCommand.target("open", after: $0) }) {
      target async throws(TelosError) in try desk.get(target)
    }
    #expect(all.count == 2)
  }

  @Test func circlesAndOtherAnswersAreErrors() async throws {
    for answer in [#"{"nodes":[],"next":"a"}"#, #"{"nodes":{}}"#, "[]", "{"] {
      let desk = Desk(["/v1/nodes": answer, "/v1/nodes?after=a": answer])
      await #expect(throws: TelosError.self, "\(answer)") {
        try await Pages.all("nodes", at: { CoordinatorRoute.nodes.path(query: ["after": $0]) }) {
          target async throws(TelosError) in try desk.get(target)
        }
      }
      #expect(desk.asked.count <= 2)
    }
  }
}
