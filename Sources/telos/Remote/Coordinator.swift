internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import TelosAPI
internal import TelosCore

/// The coordinator's HTTP API, over TLS that trusts the fleet's own authorities and no others.
struct Coordinator: Sendable {
  let access: Access
  private let client: HTTPClient

  static let answerLimit = 256 << 20

  /// Runs `body` with the configured coordinator and closes its connections afterwards.
  static func with<T: Sendable>(_ body: (Coordinator) async throws -> T) async throws -> T {
    try await with(Access.standard(), body)
  }

  static func with<T: Sendable>(_ access: Access, _ body: (Coordinator) async throws -> T)
    async throws -> T
  {
    let coordinator = Coordinator(access)
    do {
      let result = try await body(coordinator)
      try? await coordinator.client.shutdown()
      return result
    } catch {
      try? await coordinator.client.shutdown()
      throw error
    }
  }

  private init(_ access: Access) {
    self.access = access
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .certificates(access.authorities)
    tls.minimumTLSVersion = .tlsv12
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10)))
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// The body of a successful answer.
  func get(_ target: String, seconds: Int64 = 60) async throws(TelosError) -> [UInt8] {
    try await exchange(.GET, target, body: nil, seconds: seconds)
  }

  func get<T: Decodable>(_ type: T.Type, _ target: String) async throws(TelosError) -> T {
    try JSONInput.decode(type, from: try await get(target), what: "the coordinator's answer")
  }

  /// Every element of a list that comes in pages; see ``Pages``.
  func all(_ list: String, at target: (_ after: String?) -> String) async throws(TelosError)
    -> [JSONDocument]
  {
    try await Pages.all(list, at: target) { page async throws(TelosError) in try await get(page) }
  }

  func put(_ target: String, _ body: [UInt8]) async throws(TelosError) -> [UInt8] {
    try await exchange(.PUT, target, body: body, seconds: 300)
  }

  func post(_ target: String, _ body: [UInt8]) async throws(TelosError) -> [UInt8] {
    try await exchange(.POST, target, body: body, seconds: 300)
  }

  func delete(_ target: String) async throws(TelosError) -> [UInt8] {
    try await exchange(.DELETE, target, body: nil, seconds: 60)
  }

  func post(_ target: String, json body: some Encodable) async throws(TelosError) -> [UInt8] {
    let text = try JSONOutput.text(body, compact: true)
    return try await post(target, Array(text.utf8))
  }

  private func exchange(
    _ method: HTTPMethod, _ target: String, body: [UInt8]?, seconds: Int64
  ) async throws(TelosError) -> [UInt8] {
    var request = HTTPClientRequest(url: access.coordinator + target)
    request.method = method
    request.headers.add(name: "Authorization", value: "Bearer \(access.token)")
    request.headers.add(name: "User-Agent", value: "telos/\(TelosVersion.current)")
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    do {
      let response = try await client.execute(request, timeout: .seconds(seconds))
      let answer = try await response.body.collect(upTo: Self.answerLimit)
      let bytes = Array(answer.readableBytesView)
      guard (200..<300).contains(response.status.code) else {
        throw refusal(status: Int(response.status.code), body: bytes)
      }
      return bytes
    } catch let error as TelosError {
      throw error
    } catch {
      if ConnectionFailure.isUntrusted(error),
        let problem = await PresentedCertificate.look(at: access)?.problem(at: access.coordinator)
      {
        throw problem
      }
      throw ConnectionFailure.explain(error, coordinator: access.coordinator)
    }
  }

  private func refusal(status: Int, body: [UInt8]) -> TelosError {
    var error = ErrorAnswer.error(status: status, body: body, from: "the coordinator")
    if error.code == .unauthenticated {
      error.message = "the coordinator does not accept the token: \(error.message)"
      error.hint = error.hint ?? "log in again with a valid token: telos login"
    }
    return error
  }
}
