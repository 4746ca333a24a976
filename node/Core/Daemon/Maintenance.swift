internal import EventLog
internal import FleetWire
internal import Kernel
internal import Logging
internal import TelosCore
internal import Trust

extension NodeParts {
  /// What comes round again and again, each concern in a task of its own: one that waits keeps none of the others waiting.
  func maintain(
    _ pump: EventPump, _ places: AgentPlaces, _ wake: Signal, _ tasks: inout TaskGroup<Void>
  ) async {
    tasks.addTask { await tellLosses(pump) }
    tasks.addTask { await round(wake) { await places.settle() } }
    tasks.addTask { await round(wake) { await sweep(pump) } }
    tasks.addTask { await rememberFiles(wake) }
    tasks.addTask { await round(nil, every: .seconds(15)) { await followNetwork() } }
    tasks.addTask { await round(nil, every: .seconds(60)) { await forgetUnused() } }
    tasks.addTask {
      await round(nil, every: .seconds(5)) { await gates.standing?.names?.followServers() }
    }
    tasks.addTask { await round(nil, every: .seconds(60)) { await collectNames() } }
  }

  /// Calls `body` now, then after each pause, and at once when `wake` is notified.
  private func round(_ wake: Signal?, every pause: Duration = .seconds(1), _ body: () async -> Void)
    async
  {
    let pulse = Signal()
    let pulses = pulse.stream()
    var changed = pulses.makeAsyncIterator()
    let clock = Task {
      while !Task.isCancelled {
        pulse.notify()
        try? await Task.sleep(for: pause)
      }
    }
    let forward = wake.map { wake in Task { for await _ in wake.stream() { pulse.notify() } } }
    defer {
      clock.cancel()
      forward?.cancel()
    }
    while !Task.isCancelled, await changed.next() != nil { await body() }
  }

  private func tellLosses(_ pump: EventPump) async {
    var seen: UInt64 = 0
    await round(nil) {
      let standing = gates.standing
      // Counted before the agents are asked, so that what is withheld meanwhile is asked for next time.
      let count = (try? standing?.gates.withheld()) ?? seen
      let withheld = count == seen ? nil : try? standing?.table.withheld()
      if withheld != nil { seen = count }
      pump.tick(reached: standing?.gates.sequence, withheld: withheld ?? [:])
    }
  }

  private func rememberFiles(_ wake: Signal) async {
    var files = FileMemory(database, slams, log)
    await files.load()
    var looked = ContinuousClock.now
    var count: UInt64 = 0
    await round(wake) {
      guard let standing = gates.standing else { return }
      let now = (try? standing.gates.slams()) ?? count
      let hasAgents = (try? standing.table.agents().isEmpty) != true
      await files.store(
        standing.table,
        FileSchedule.Occasion(
          isUrgent: now != count, hasAgents: hasAgents, reached: standing.gates.sequence))
      count = now
      if ContinuousClock.now - looked > .seconds(hasAgents ? 1 : 10) {
        looked = .now
        await files.forgetGone(standing.table)
      }
    }
  }

  /// The thread that reads the kernel's rings; nil where no gates are.
  func readRings(_ pump: EventPump) -> KernelEvents? {
    guard let standing = gates.standing else { return nil }
    let (problems, log) = (problems, log)
    do throws(TelosError) {
      return try KernelEvents(
        standing.gates,
        failed: { why in
          if problems["events of the kernel"] == nil {
            log.critical("the kernel's events cannot be read", metadata: ["error": "\(why)"])
          }
          problems["events of the kernel"] = "they cannot be read: \(why)"
        }
      ) {
        problems["events of the kernel"] = nil
        pump.take($0)
      }
    } catch {
      log.critical("the kernel's events are not read", metadata: ["error": "\(error)"])
      problems["events of the kernel"] = "they are not read: \(error)"
      return nil
    }
  }

  /// Frees what ended agents leave, in the kernel, in the database and on disk.
  private func sweep(_ pump: EventPump) async {
    guard let standing = gates.standing else { return }
    let table = standing.table
    do throws(TelosError) {
      // An agent with a slot and no task waits for its cookie, or has ended and lingers.
      let gone = try await blocking { () throws(TelosError) in
        if try !table.sweep().isEmpty {
          let ipc = SystemVObjects(standing.resolver)
          try ipc.remove { () throws(TelosError) in Set(try table.agents().map(\.id)) }
        }
        // In this order: an agent enters the kernel before the registry, so one that starts now is not taken for gone.
        let alive = registry.alive.map(\.id)
        let held = Set(try table.agents().map(\.id))
        return alive.filter { !held.contains($0) }
      }
      let ended = registry.end(gone)
      pump.forget(gone)
      await standing.names?.remove(gone)
      try await database.ended(ended.map(\.id), at: Machine.unixMilliseconds)
      if !ended.isEmpty {
        slams.keepCauses(of: Set(registry.alive.map { AgentLaunch.name($0.id) }))
      }
      for launch in ended {
        log.info("an agent is gone", metadata: ["agent": "\(AgentLaunch.name(launch.id))"])
        if let folder = launch.temporaryFolder { PrivateFolder.remove(folder, uid: launch.uid) }
      }
    } catch { log.error("cannot clean up ended agents", metadata: ["error": "\(error)"]) }
  }

  /// Addresses that answers opened and that have run out.
  private func collectNames() async {
    guard let table = gates.standing?.table else { return }
    do throws(TelosError) {
      try await blocking { () throws(TelosError) in _ = try table.collectNames() }
    } catch { log.error("cannot collect what names opened", metadata: ["error": "\(error)"]) }
  }

  /// Intents that nobody names and nobody uses, so that a fleet may have as many over the years as it likes.
  private func forgetUnused() async {
    // Of agents whose intent the registry does not know, nobody could say what they use.
    let alive = registry.alive
    if let standing = gates.standing {
      let known = Set(alive.map(\.id))
      guard let running = try? standing.table.agents(),
        running.allSatisfy({ known.contains($0.id) })
      else { return }
    }
    do throws(TelosError) {
      for object in try await keeper.forget(except: Set(alive.map(\.intent.name))) {
        log.info(
          "forgot an intent that no manifest names",
          metadata: ["intent": "\(object.name)", "version": "\(object.version)"])
      }
    } catch {
      log.error("cannot forget intents that no manifest names", metadata: ["error": "\(error)"])
    }
  }

  private func followNetwork() async {
    let addresses = addresses
    let found = try? await blocking(in: .network, deadline: .seconds(60), "the resolver") {
      () throws(TelosError) in addresses.refresh()
    }
    await setNeverBlock(coordinators: found ?? addresses.known)
    if let hyperion {
      do throws(TelosError) {
        try await blocking { () throws(TelosError) in try hyperion.attachInterfaces() }
      } catch { log.error("cannot attach to the interfaces", metadata: ["error": "\(error)"]) }
    }
    try? authorities.follow(await keeper.root.statement.authorities)
  }
}
