internal import FleetWire
internal import FoundationEssentials
internal import TelosCore

/// An event in JSON: the names of `telos.fleet.v1.Event` in lowerCamelCase, digests in hexadecimal.
struct EventAnswer: Encodable {
  var node: String
  var epoch: UInt64
  var sequence: UInt64
  var at: String
  var bootNs: UInt64
  var kind: String
  var agent: String
  var intent: String
  var intentVersion: UInt64
  var intentDigest: String
  var gate: String
  var hook: String
  var reason: String
  var error: Int32
  var file: Incident.File?
  var destination: Incident.Destination?
  var lineage: [Incident.Process]
  var state: String
  var linkedSequence: UInt64
  var uid: UInt32
  var detail: String
  var count: UInt64
  var canary: Bool
  var previousHash: String
  var kernelSequence: UInt64
  var kernelLinked: UInt64
  var domain: UInt32
  var origins: [OriginAnswer]

  init(_ stored: StoredEvent) {
    let event = stored.event
    node = stored.node
    epoch = stored.epoch
    sequence = event.sequence
    at = Date(unixMilliseconds: event.atUnixMs).rfc3339Milliseconds
    bootNs = event.bootNs
    kind = event.kind
    agent = event.agent
    intent = event.intent
    intentVersion = event.intentVersion
    intentDigest = event.intentDigest.hex
    gate = event.gate
    hook = event.hook
    reason = event.reason
    error = event.error
    file = Incident.File(event)
    destination = Incident.Destination(event)
    lineage = event.lineage.map { Incident.Process(pid: $0.pid, command: $0.command) }
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
    origins = event.origins.map { OriginAnswer(Incident.Origin($0)) }
  }
}

/// A slam that another one came from, in JSON.
struct OriginAnswer: Encodable {
  var agent: String
  var sequence: UInt64
  var at: String?
  var reason: String
  var file: Incident.File?
  var destination: Incident.Destination?

  init(_ origin: Incident.Origin) {
    agent = origin.agent
    sequence = origin.sequence
    at = origin.at == 0 ? nil : Date(unixMilliseconds: origin.at).rfc3339Milliseconds
    reason = origin.reason
    file = origin.file
    destination = origin.contact
  }
}

/// An incident in a list or, with its chain, by itself.
struct IncidentAnswer: Encodable {
  var id: String
  var node: String
  var agent: String
  var intent: String
  var state: Incident.State
  var severity: Incident.Severity
  var summary: String
  var firstAt: String
  var lastAt: String
  var events: UInt64

  var chain: [EventAnswer]?
  var intentObject: ObjectVersion?
  var file: Incident.File?
  var origins: [OriginAnswer]?
  var lineage: [Incident.Process]?
  var refused: [Incident.Destination]?

  init(_ incident: Incident, chain: [StoredEvent]? = nil) {
    id = incident.id
    node = incident.node
    agent = incident.agent
    intent = incident.intent
    state = incident.state
    severity = incident.severity
    summary = incident.summary
    firstAt = Date(unixMilliseconds: incident.firstAt).rfc3339Milliseconds
    lastAt = Date(unixMilliseconds: incident.lastAt).rfc3339Milliseconds
    events = incident.events
    guard let chain else { return }
    self.chain = chain.map { EventAnswer($0) }
    intentObject = Digest(hex: incident.intentDigest).map {
      ObjectVersion(
        kind: .intent, name: incident.intent, version: incident.intentVersion, digest: $0)
    }
    file = incident.file
    origins = incident.origins?.map { OriginAnswer($0) }
    lineage = incident.lineage
    refused = incident.refused
  }
}

extension Date {
  /// A node's clock may say anything: times beyond the year 9999 are shown as its end.
  init(unixMilliseconds: UInt64) {
    self.init(timeIntervalSince1970: Double(min(unixMilliseconds, 253_402_300_799_000)) / 1000)
  }
}
