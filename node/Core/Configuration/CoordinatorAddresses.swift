public import AddressSets
internal import FoundationEssentials
internal import TelosCore

/// The addresses of a node's coordinators: never blocked, also while no resolver answers. What was found last is kept
/// in a file, so that a daemon that starts before the network does not have to ask.
public struct CoordinatorAddresses: Sendable {
  let endpoints: [Endpoint]
  let file: String

  public init(_ endpoints: [Endpoint], file: String) {
    self.endpoints = endpoints
    self.file = file
  }

  /// At once and without the network: addresses that the endpoints themselves are, and those of the file.
  public var known: [IPAddress] {
    let stored = endpoints.flatMap { read()[$0.description] ?? [] }
    return endpoints.compactMap { try? IPAddress($0.host) } + stored
  }

  /// Asks the system's resolver, which may block for long; a name that it does not know now keeps its addresses.
  public func refresh() -> [IPAddress] {
    let before = read()
    var names: [String: [IPAddress]] = [:]
    for endpoint in endpoints where (try? IPAddress(endpoint.host)) == nil {
      let found = endpoint.resolve()
      names[endpoint.description] = found.isEmpty ? before[endpoint.description] ?? [] : found
    }
    if names != before { write(names) }
    return known
  }

  private func read() -> [String: [IPAddress]] {
    guard let bytes = try? DurableFile.read(file, limit: 1 << 20),
      let names = try? JSONDecoder().decode([String: [String]].self, from: Data(bytes))
    else { return [:] }
    return names.mapValues { $0.compactMap { try? IPAddress($0) } }
  }

  private func write(_ names: [String: [IPAddress]]) {
    guard let data = try? JSONEncoder().encode(names.mapValues { $0.map(\.description) }) else {
      return
    }
    // Without it only the next start has to ask: not worth an error.
    try? DurableFile.write(data, to: file)
  }
}
