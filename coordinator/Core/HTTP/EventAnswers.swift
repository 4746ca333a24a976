internal import FleetWire
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore

/// Events and incidents as the API says them.
extension Event {
  init(_ stored: StoredEvent) {
    let event = stored.event
    self.init(kind: event.kind, agent: event.agent)
    node = stored.node
    epoch = stored.epoch
    sequence = event.sequence
    at = Date(unixMilliseconds: event.atUnixMs).rfc3339Milliseconds
    bootNs = event.bootNs
    intent = event.intent
    intentVersion = event.intentVersion
    intentDigest = event.intentDigest.hex
    gate = event.gate
    hook = event.hook
    reason = event.reason
    error = event.error
    file = Incident.File(event).map { File($0) }
    destination = Incident.Destination(event).map { Destination($0) }
    lineage = event.lineage.map { Process(pid: $0.pid, command: $0.command) }
    state = event.state
    linkedSequence = event.linkedSequence
    uid = event.uid
    detail = event.detail
    count = event.count
    canary = event.canary
    previousHash = event.previousHash.hex
    kernelSequence = event.kernelSequence
    kernelLinked = event.kernelLinked
    domain = event.domain
    origins = event.origins.map { Origin(Incident.Origin($0)) }
  }
}

extension Event.File {
  init(_ file: Incident.File) {
    self.init(
      path: file.path, inode: file.inode, device: file.device, generation: file.generation,
      pathBytes: file.pathBytes)
  }
}

extension Event.Destination {
  init(_ destination: Incident.Destination) {
    self.init(
      address: destination.address, port: destination.port, protocol: destination.protocol)
  }
}

extension Event.Origin {
  init(_ origin: Incident.Origin) {
    self.init(
      agent: origin.agent, sequence: origin.sequence,
      at: origin.at == 0 ? nil : Date(unixMilliseconds: origin.at).rfc3339Milliseconds,
      reason: origin.reason, file: origin.file.map { Event.File($0) },
      destination: origin.contact.map { Event.Destination($0) })
  }
}

extension IncidentAnswer {
  /// - Parameter chain: for an answer of one incident alone.
  init(_ incident: Incident, chain: [StoredEvent]? = nil) {
    self.init(
      id: incident.id, node: incident.node, agent: incident.agent, intent: incident.intent,
      state: incident.state.rawValue, severity: incident.severity.rawValue,
      summary: incident.summary,
      firstAt: Date(unixMilliseconds: incident.firstAt).rfc3339Milliseconds,
      lastAt: Date(unixMilliseconds: incident.lastAt).rfc3339Milliseconds,
      events: incident.events)
    guard let chain else { return }
    self.chain = chain.map { Event($0) }
    intentObject = Digest(hex: incident.intentDigest).map {
      ObjectName(
        ObjectVersion(
          kind: .intent, name: incident.intent, version: incident.intentVersion, digest: $0))
    }
    file = incident.file.map { Event.File($0) }
    origins = incident.origins?.map { Event.Origin($0) }
    lineage = incident.lineage.map { Event.Process(pid: $0.pid, command: $0.command) }
    refused = incident.refused.map { Event.Destination($0) }
  }
}

extension Date {
  /// A node's clock may say anything: times beyond the year 9999 are shown as its end.
  init(unixMilliseconds: UInt64) {
    self.init(timeIntervalSince1970: Double(min(unixMilliseconds, 253_402_300_799_000)) / 1000)
  }
}
