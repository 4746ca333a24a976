internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

/// `--wait` of everything that publishes.
struct WaitOptions: ParsableArguments {
  @Flag(help: "Wait until every node holds it; show progress.")
  var wait = false

  @Option(
    help: "How long --wait waits, as 60s or 5m; then the exit status is 75.", transform: TTL.read)
  var timeout = TTL(seconds: 120)

  /// Waits for receipts of `object` if asked to.
  func run(for object: ObjectName, _ coordinator: Coordinator) async throws {
    guard wait else { return }
    try await Waiting.run(for: object, timeout: timeout, coordinator)
  }
}

enum Waiting {
  /// What the receipts of one moment mean.
  enum Verdict: Equatable {
    case held
    case waiting
    case refused
  }

  static func verdict(_ receipts: Receipts) -> Verdict {
    if receipts.waiting > 0 { return .waiting }
    return receipts.refused > 0 ? .refused : .held
  }

  static func target(_ object: ObjectName) -> String {
    CoordinatorRoute.receipts.path(
      object.kind, object.name.isEmpty ? CoordinatorRoute.fleet : object.name,
      query: ["version": "\(object.version)"])
  }

  static func run(for first: ObjectName, timeout: TTL, _ coordinator: Coordinator) async throws {
    let deadline = ContinuousClock.now + .seconds(timeout.seconds)
    var object = first
    var bar = ProgressBar(object.title)
    for round in 1... {
      let receipts = try await coordinator.get(Receipts.self, target(object))
      bar.show(done: receipts.held, total: receipts.total, refused: receipts.refused)
      switch verdict(receipts) {
      case .held:
        bar.finish()
        return
      case .refused:
        bar.finish()
        throw refusal(object, receipts)
      case .waiting:
        guard ContinuousClock.now < deadline else {
          bar.finish()
          throw late(object, receipts, timeout)
        }
      }
      // A node holds one version: once somebody published a newer one, ours is never held again.
      if round.isMultiple(of: 10) {
        let status = try await coordinator.get(FleetStatus.self, CoordinatorRoute.status.path())
        object = newest(object, among: status.objects)
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// The same object in the newest version that is published.
  static func newest(_ object: ObjectName, among published: [ObjectName]) -> ObjectName {
    published.filter { $0.kind == object.kind && $0.name == object.name }
      .reduce(object) { $1.version > $0.version ? $1 : $0 }
  }

  private static func refusal(_ object: ObjectName, _ receipts: Receipts) -> TelosError {
    let refused = names(receipts) { $0.outcome == "refused" }
    let why = receipts.nodes.first { $0.outcome == "refused" && $0.error?.isEmpty == false }?.error
    return TelosError(
      .refused, "\(object.title) version \(object.version) was refused by \(refused)",
      hint: why.map { "the node says: \($0.printable)" })
  }

  private static func late(_ object: ObjectName, _ receipts: Receipts, _ timeout: TTL)
    -> TelosError
  {
    let missing = names(receipts) { $0.outcome != "held" && $0.outcome != "refused" }
    return TelosError(
      .timeout,
      "after \(timeout) \(object.title) version \(object.version) is held by "
        + "\(receipts.held) of \(receipts.total) nodes; missing: \(missing)",
      hint: "it stays published and reaches them when they connect: telos node list")
  }

  private static func names(_ receipts: Receipts, where matches: (Receipts.Node) -> Bool) -> String
  {
    let names = receipts.nodes.filter(matches).map(\.node.printable)
    let shown = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
