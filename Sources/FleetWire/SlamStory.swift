internal import TelosCore

/// Where a slam by another agent's data came from, in words.
public enum SlamStory {
  /// For example "/srv/work/notes, which holds data of agent 1, which had read /srv/app/.env".
  ///
  /// - Parameters:
  ///   - path: of the file that it came by; empty when it came by a socket, a pipe or shared memory.
  ///   - origins: the slam that it came from first, then that one's own origins.
  public static func words(path: String, _ origins: some Collection<Telos_Fleet_V1_Origin>)
    -> String
  {
    let by = path.isEmpty ? "data of " : "\(path), which holds data of "
    guard let first = origins.first else { return by + "a tainted agent" }
    guard !first.agent.isEmpty else {
      return by + "an agent that was slammed earlier (event \(first.sequence) of this node)"
    }
    return by + "agent \(first.agent), which " + cause(first, origins.dropFirst())
  }

  private static func cause(
    _ origin: Telos_Fleet_V1_Origin, _ rest: some Collection<Telos_Fleet_V1_Origin>
  ) -> String {
    if origin.reason == Reason.domain.rawValue {
      return "had been slammed by \(words(path: origin.file.path, rest))"
    }
    if origin.hasDestination, !origin.destination.address.isEmpty {
      let address = origin.destination.address
      let host = address.contains(":") ? "[\(address)]" : address
      let port = origin.destination.port
      return "had contacted \(port == 0 ? address : "\(host):\(port)")"
    }
    return origin.file.path.isEmpty
      ? "had touched something sensitive" : "had read \(origin.file.path)"
  }
}
