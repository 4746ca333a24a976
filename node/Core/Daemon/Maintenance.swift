internal import EventLog
internal import FleetWire
internal import Kernel
internal import Logging
internal import TelosCore
internal import Trust

extension NodeParts {
  /// What comes round again and again, in one task: places, ended agents, provenance, interfaces, never-block, the watchdog.
  func maintain(
    _ pump: EventPump, _ places: AgentPlaces, _ wake: Signal, _ notification: ServiceNotification
  ) async {
    var files = FileMemory(database, slams, log)
    await files.load()
    var looked = ContinuousClock.now
    var count: UInt64 = 0
    var network = ContinuousClock.now - .seconds(60)
    let pulse = Signal()
    let pulses = pulse.stream()
    var changed = pulses.makeAsyncIterator()
    let clock = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: .seconds(1))
        pulse.notify()
      }
    }
    let forward = Task { for await _ in wake.stream() { pulse.notify() } }
    defer {
      clock.cancel()
      forward.cancel()
    }
    while !Task.isCancelled, await changed.next() != nil {
      notification.alive()
      pump.tick(reached: gates.standing?.gates.sequence)
      await places.settle()
      await sweep(wake)
      if let standing = gates.standing {
        let now = (try? standing.gates.slams()) ?? count
        await files.store(standing.table, atOnce: now != count)
        count = now
        if ContinuousClock.now - looked > .seconds(1) {
          looked = .now
          await files.forgetGone(standing.table)
        }
      }
      if ContinuousClock.now - network > .seconds(15) {
        network = .now
        await followNetwork()
      }
    }
  }

  /// Frees what ended agents leave, in the kernel, in the database and on disk.
  private func sweep(_ wake: Signal) async {
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
      try await database.ended(ended.map(\.id), at: Machine.unixMilliseconds)
      if !ended.isEmpty {
        slams.keepCauses(of: Set(registry.alive.map { AgentLaunch.name($0.id) }))
      }
      for launch in ended {
        log.info("agent \(AgentLaunch.name(launch.id)) is gone")
        if let folder = launch.temporaryFolder { PrivateFolder.remove(folder, uid: launch.uid) }
      }
    } catch { log.error("cannot sweep ended agents: \(error)") }
  }

  private func followNetwork() async {
    let addresses = addresses
    if let found = try? await blocking({ () throws(TelosError) in addresses.refresh() }) {
      await setNeverBlock(coordinators: found)
    }
    let hyperion = hyperion
    do throws(TelosError) {
      try await blocking { () throws(TelosError) in try hyperion.attachInterfaces() }
    } catch { log.error("cannot look after the interfaces: \(error)") }
    try? authorities.follow(await keeper.root.statement.authorities)
  }
}
