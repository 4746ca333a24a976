internal import CSockets
internal import Glibc

/// Questions by TCP.
extension NameLoop {
  func accept(_ listener: Int32, _ network: UInt64) {
    for _ in 0..<64 {
      let descriptor = csockets_accept(listener)
      guard descriptor >= 0 else {
        // No descriptor is left: one of those that are open makes room.
        if errno == EMFILE || errno == ENFILE { endOldest(connections.values) }
        return
      }
      let now = server.clock()
      let connection = Connection(descriptor, network: network, now: now)
      if connections.count >= server.limits.connections { endOldest(connections.values) }
      connections[descriptor] = connection
      watch(descriptor, .connection(connection))
      identify(connection)
    }
  }

  /// The kernel says who it is when the connection stands, or with its first bytes.
  @discardableResult
  private func identify(_ connection: Connection) -> Bool {
    if connection.agent != nil { return true }
    guard let id = server.gate.agent(ofConnection: connection.descriptor),
      let agent = server.agents[id], agent.network == connection.network
    else { return false }
    connection.agent = agent
    if agent.connections.count >= server.limits.connectionsPerAgent {
      endOldest(agent.connections)
    }
    agent.connections.append(connection)
    return true
  }

  func serve(_ connection: Connection, _ state: Int32) {
    guard identify(connection), let agent = connection.agent else {
      server.counters.unknown += 1
      return end(connection)
    }
    var isOpen = connection.flush()
    if isOpen, state != Int32(CSOCKETS_WRITABLE), connection.wantsToRead {
      isOpen = connection.read(now: server.clock()) {
        self.enqueue($0, .stream(connection), agent)
      }
    }
    if isOpen { wait(for: connection) } else { end(connection) }
  }

  func write(_ bytes: [UInt8], _ connection: Connection) {
    guard !connection.isClosed else { return }
    if connection.write(bytes, now: server.clock()) {
      wait(for: connection)
    } else {
      end(connection)
    }
  }

  private func wait(for connection: Connection) {
    var wanted = 0
    if connection.wantsToRead { wanted |= CSOCKETS_READABLE }
    if connection.wantsToWrite { wanted |= CSOCKETS_WRITABLE }
    csockets_rewatch(events, connection.descriptor, Int32(wanted))
  }

  func end(_ connection: Connection) {
    guard !connection.isClosed else { return }
    forget(connection.descriptor)
    connections[connection.descriptor] = nil
    connection.agent?.connections.removeAll { $0 === connection }
    connection.close()
  }

  private func endOldest(_ some: some Collection<Connection>) {
    if let oldest = some.min(by: { $0.lastUsed < $1.lastUsed }) { end(oldest) }
  }
}
