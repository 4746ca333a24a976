internal import Synchronization
public import TelosCore

/// The proxy of names on one node. Its thread runs as long as it lives.
public final class NameProxy: Sendable {
  private let loop: NameLoop
  private let lastCounters: Counters
  private let clock: @Sendable () -> UInt64

  private final class Counters: Sendable { let value = Mutex(ProxyCounters()) }

  /// - Parameters:
  ///   - clock: nanoseconds of the boot clock.
  ///   - verdict: why a name that only a wildcard allows is refused; nil where it is not.
  ///   - report: called on the proxy's thread, at most once a second; it must not wait.
  public init(
    gate: any NameGate, limits: ProxyLimits = ProxyLimits(),
    clock: @escaping @Sendable () -> UInt64 = bootNanoseconds,
    verdict: @escaping @Sendable (String) -> String? = { _ in nil },
    report: @escaping @Sendable ([NameReport]) -> Void = { _ in }
  ) throws(TelosError) {
    let counters = Counters()
    (lastCounters, self.clock) = (counters, clock)
    loop = try NameLoop(
      NameServer(gate: gate, limits: limits, clock: clock, verdict: verdict),
      publish: { reports, now in
        counters.value.withLock { $0 = now }
        if !reports.isEmpty { report(reports) }
      })
    try loop.start()
  }

  deinit { loop.stop() }

  /// At most a second old.
  public var counters: ProxyCounters { lastCounters.value.withLock { $0 } }

  /// Answers on these sockets from now on.
  public func serve(_ sockets: ProxySockets, asking servers: UpstreamConfiguration)
    async throws(TelosError)
  {
    let upstream = Handed(try Upstream(servers, in: try sockets.namespace()))
    await perform { $0.serve(sockets, upstream.value) }
  }

  /// Other servers for a network. What is on its way is asked again; nothing is answered by the old ones any more.
  public func follow(_ servers: UpstreamConfiguration, in sockets: ProxySockets)
    async throws(TelosError)
  {
    let upstream = Handed(try Upstream(servers, in: try sockets.namespace()))
    await perform { $0.follow(upstream.value, in: sockets.network) }
  }

  /// Closes nothing: who holds the sockets may have them served again.
  public func leave(_ network: UInt64) async { await perform { $0.leave(network) } }

  /// Returns when the agent's questions are answered. The rules of an agent do not change; adding it again forgets all
  /// about it first.
  public func add(_ agent: UInt64, rules: any NameRules, network: UInt64) async {
    await perform { loop in
      loop.end(agent)
      loop.server.agents[agent] = AgentNames(
        id: agent, rules: rules, network: network, now: loop.server.clock(),
        limits: loop.server.limits)
    }
  }

  public func remove(_ agent: UInt64) async { await perform { $0.end(agent) } }

  private func perform(_ body: @escaping @Sendable (NameLoop) -> Void) async {
    await withCheckedContinuation { done in
      loop.perform {
        body($0)
        done.resume()
      }
    }
  }
}

/// A context of libunbound on its way to the proxy's thread, which is the only one to use it.
private struct Handed: @unchecked Sendable {
  var value: Upstream
  init(_ value: Upstream) { self.value = value }
}
