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
    var stored: [FileIdentity: FileProvenance] = [:]
    if let files = try? await database.provenance() {
      for file in files { stored[file.file] = file }
    }
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
      await storeProvenance(&stored)
      if ContinuousClock.now - network > .seconds(15) {
        network = .now
        await followNetwork()
      }
    }
  }

  /// Frees what ended agents leave, in the kernel, in the database and on disk.
  private func sweep(_ wake: Signal) async {
    guard let table = gates.standing?.table else { return }
    do throws(TelosError) {
      // An agent with a slot and no task waits for its cookie, or has ended and lingers.
      let gone = try await blocking { () throws(TelosError) in
        try table.sweep()
        // In this order: an agent enters the kernel before the registry, so one that starts now is not taken for gone.
        let alive = registry.alive.map(\.id)
        let held = Set(try table.agents().map(\.id))
        return alive.filter { !held.contains($0) }
      }
      let ended = registry.end(gone)
      try await database.ended(ended.map(\.id), at: Machine.unixMilliseconds)
      for launch in ended {
        log.info("agent \(AgentLaunch.name(launch.id)) is gone")
        if let folder = launch.temporaryFolder { PrivateFolder.remove(folder) }
      }
    } catch { log.error("cannot sweep ended agents: \(error)") }
  }

  private func storeProvenance(_ stored: inout [FileIdentity: FileProvenance]) async {
    guard let table = gates.standing?.table else { return }
    do throws(TelosError) {
      let files = try await blocking { () throws(TelosError) in try table.provenance() }
      var present: [FileIdentity: FileProvenance] = [:]
      for file in files { present[file.file] = file }
      let changed = files.filter { stored[$0.file] != $0 }
      let removed = stored.keys.filter { present[$0] == nil }
      guard !changed.isEmpty || !removed.isEmpty else { return }
      try await database.storeProvenance(changed, removed: removed)
      stored = present
    } catch { log.error("cannot store the provenance of files: \(error)") }
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
