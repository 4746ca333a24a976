internal import Trust

/// `spec.network` as it is signed: keys that came after the first version only where they say something.
extension Intent.Network {
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "allow": .array(allow.map(\.json)),
      "reachableWhileTainted": .array(reachableWhileTainted.map(\.json)),
      "sensitive": .array(sensitive.map(\.json)),
    ]
    // What the agent opens to itself comes first, whatever the order of the file.
    let listeners =
      (ownLoopback ? [JSONValue.object(["own": .string("true")])] : []) + listen.map(\.json)
    if !listeners.isEmpty { members["listen"] = .array(listeners) }
    if !ask.isEmpty { members["ask"] = .array(ask.map(\.json)) }
    return .object(members)
  }
}

extension JSONValue {
  fileprivate init(_ protocols: Set<Intent.TransportProtocol>) {
    self = .array(protocols.map(\.rawValue).sorted().map { .string($0) })
  }

  fileprivate init(_ ports: [PortRange]) {
    self = .array(
      ports.map { $0.first == $0.last ? .integer(Int64($0.first)) : .string("\($0)") })
  }
}

extension Intent.Listener {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "ports": JSONValue(ports), "protocols": JSONValue(protocols),
    ]
    if let peers { members["cidr"] = .string("\(peers)") }
    return .object(members)
  }
}

extension Intent.Destination {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = ["protocols": JSONValue(protocols)]
    switch target {
    case .host(let host): members["host"] = .string("\(host)")
    case .cidr(let prefix): members["cidr"] = .string("\(prefix)")
    }
    if let ports { members["ports"] = JSONValue(ports) }
    if let ttl { members["ttl"] = .string("\(ttl)") }
    if isPrivate { members["private"] = .string("true") }
    return .object(members)
  }
}

extension Intent.Question {
  fileprivate var json: JSONValue {
    .object([
      "host": .string("\(host)"), "ports": JSONValue(ports), "protocols": JSONValue(protocols),
      "decider": .string(decider.rawValue), "maxTTL": .string("\(maxTTL)"),
    ])
  }
}
