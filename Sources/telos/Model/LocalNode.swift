/// Answer of `GET /v1/self`.
struct AgentSelf: Codable, Sendable {
  struct Intent: Codable, Sendable {
    var name: String
    var version: UInt64?
    var digest: String?
  }
  struct Window: Codable, Sendable {
    var destination: String?
    var host: String?
    var cidr: String?
    var address: String?
    var prefix: String?
    var ports: JSONDocument?
    var protocols: JSONDocument?
    var expires: String?
    var whileTainted: Bool?
  }
  struct Denial: Codable, Sendable {
    var at: String?
    var gate: String?
    var reason: String?
    var detail: String?
    var path: String?
    var destination: Destination?
    var error: Int?
  }

  var agent: String
  var intent: Intent
  var expires: String?
  var state: String
  /// What tainted or slammed it, in words.
  var cause: String?
  var windows: [Window]?
  var denials: [Denial]?
}
