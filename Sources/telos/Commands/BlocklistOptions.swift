internal import ArgumentParser
internal import TelosAPI

extension BlocklistCommand {
  /// Which list a command is about.
  struct ListOptions: ParsableArguments {
    @Option(help: "The set to change; the others stay as they are. (default: operators)")
    var set: String?

    @Option(help: "Only for nodes with these labels: env=prod, or several joined by commas.")
    var scope: String?

    func write(to change: inout BlocklistRequest) {
      change.set = set
      change.scope = scope
    }
  }

  /// What is remembered of new entries.
  struct EntryOptions: ParsableArguments {
    @Option(help: "Why they are blocked, for whoever asks later.")
    var reason: String?

    @Option(
      help:
        "From 0 to 255: of several entries for one address, the highest counts. (default: 100)")
    var priority: Int?

    @Option(
      help: "Unblock them after this time: 90s, 4h, 7d. Without it they stay.", transform: TTL.read)
    var ttl: TTL?

    func write(to change: inout BlocklistRequest) {
      change.reason = reason
      change.priority = priority
      change.ttlSeconds = ttl?.seconds
    }
  }
}
