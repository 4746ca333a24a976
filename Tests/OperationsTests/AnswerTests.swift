import Foundation
import Hummingbird
import HummingbirdTesting
import NIOCore
import TelosAPI
import TelosCore
import Testing

@testable import Operations

@Suite("answers of the HTTP APIs")
struct AnswerTests {
  /// Answers failures as both daemons do.
  private struct Errors: RouterMiddleware {
    func handle(
      _ request: Request, context: BasicRequestContext,
      next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
      do { return try await next(request, context) } catch {
        return Answer.error(
          Answer.known(error, of: request) ?? TelosError(.internalError, "inside"))
      }
    }
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: Errors())
    router.post(NodeRoute.bind) { request, _ in
      try Answer.json(try await request.json(BindRequest.self, upTo: 100))
    }
    router.get(CoordinatorRoute.intent) { _, context -> Response in
      throw TelosError(.conflict, try context.parameters.text("name"), hint: "h")
    }
    router.get(CoordinatorRoute.root) { _, _ -> Response in throw CancellationError() }
    return router
  }

  private func ask(_ path: String, _ method: HTTPRequest.Method = .get, _ body: String = "")
    async throws -> (Int, TelosError)
  {
    try await Application(router: router()).test(.router) { client in
      try await client.execute(uri: path, method: method, body: ByteBuffer(string: body)) {
        let status = Int($0.status.code)
        return (
          status,
          ErrorAnswer.error(status: status, body: Array(buffer: $0.body), from: "the test")
        )
      }
    }
  }

  @Test func aFailureIsTheErrorObjectWithItsStatus() async throws {
    let (status, error) = try await ask(CoordinatorRoute.intent.path("a b"))
    #expect(status == 409 && error == TelosError(.conflict, "a b", hint: "h"))
    let (inside, unknown) = try await ask(CoordinatorRoute.root.path())
    #expect(inside == 500 && unknown == TelosError(.internalError, "inside"))
    let (missing, nothing) = try await ask("/v1/declare", .post)
    #expect(missing == 404 && nothing.message == "POST /v1/declare does not exist")
  }

  @Test func aBodyThatIsWrongIsRefusedWithTheKeyThatIsWrong() async throws {
    for (body, words) in [
      (#"{"annotations":{},"root":""}"#, "\"pid\" is missing"),
      (#"{"pid":"x","annotations":{},"root":""}"#, "\"pid\" has the wrong type"),
      ("nothing", "it is not JSON"), (String(repeating: " ", count: 200), "too large"),
    ] {
      let (status, error) = try await ask(NodeRoute.bind.path(), .post, body)
      #expect(status == 400 && error.code == .invalidArgument)
      #expect(error.message.contains(words), "\(error)")
    }
  }

  @Test func aBodyIsReadAndAnsweredWithSortedKeys() async throws {
    try await Application(router: router()).test(.router) { client in
      let body = ByteBuffer(string: #"{"root":"/r","pid":7,"annotations":{"b":"1","a":"2"}}"#)
      try await client.execute(uri: "/v1/bind", method: .post, body: body) { response in
        #expect(response.status == .ok && response.headers[.contentType] == "application/json")
        #expect(
          String(buffer: response.body)
            == #"{"annotations":{"a":"2","b":"1"},"pid":7,"root":"/r"}"#)
      }
    }
  }
}
