/// Networks come and go.
extension NameLoop {
  func serve(_ sockets: ProxySockets, _ upstream: Upstream) {
    server.networks[sockets.network] = NameNetwork(sockets, upstream)
    watch(upstream.descriptor, .upstream(upstream))
    for (kind, descriptor) in sockets.descriptors {
      watch(
        descriptor,
        kind.isDatagram ? .datagrams(network: sockets.network) : .listener(network: sockets.network)
      )
    }
  }

  func leave(_ number: UInt64) {
    guard let network = server.networks.removeValue(forKey: number) else { return }
    for descriptor in network.sockets.descriptors.values { forget(descriptor) }
    forget(network.upstream.descriptor)
    for connection in Array(connections.values) where connection.network == number {
      end(connection)
    }
    for (id, agent) in server.agents where agent.network == number { server.agents[id] = nil }
  }

  func follow(_ upstream: Upstream, in number: UInt64) {
    guard let network = server.networks[number] else { return }
    forget(network.upstream.descriptor)
    server.follow(upstream, in: network)
    watch(upstream.descriptor, .upstream(upstream))
  }

  func end(_ id: UInt64) {
    guard let agent = server.agents.removeValue(forKey: id) else { return }
    for connection in agent.connections { end(connection) }
    while agent.queue.popFirst() != nil {}
  }
}
