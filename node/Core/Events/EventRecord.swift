internal import AddressSets
internal import FleetWire
internal import FoundationEssentials
internal import Kernel
internal import SwiftProtobuf
internal import TelosCore
internal import Trust

extension Telos_Fleet_V1_Event {
  /// An event of the node itself.
  static func node(_ reason: String, _ detail: String) -> Self {
    .with {
      $0.eventKind = .node
      $0.reason = reason
      $0.detail = detail
      $0.count = 1
      $0.atUnixMs = Machine.unixMilliseconds
    }
  }

  /// A signed object was refused, or loaded with a reservation.
  static func trust(_ object: ObjectVersion?, _ refusal: Refusal) -> Self {
    let name = object.map { "\($0.kind.rawValue) \"\($0.name)\" version \($0.version): " } ?? ""
    return .with {
      $0.eventKind = .trust
      $0.reason = refusal.code.rawValue
      $0.detail = name + refusal.message
      $0.count = 1
      $0.atUnixMs = Machine.unixMilliseconds
    }
  }

  /// An address set is in force.
  static func set(_ object: ObjectVersion, entries: Int) -> Self {
    .with {
      $0.eventKind = .set
      $0.reason = "held"
      $0.detail =
        object.kind == .ipset
        ? "IP set version \(object.version) with \(entries) entries is in force"
        : "never-block set version \(object.version) is in force"
      $0.count = 1
      $0.atUnixMs = Machine.unixMilliseconds
    }
  }

  static func lost(_ count: UInt64, _ reason: String, _ detail: String) -> Self {
    .with {
      $0.eventKind = .lost
      $0.reason = reason
      $0.detail = detail
      $0.count = count
      $0.atUnixMs = Machine.unixMilliseconds
    }
  }

  /// The kernel counted events of an agent and did not send them.
  static func withheld(_ count: UInt64, _ agent: UInt64, _ launch: AgentLaunch?) -> Self {
    var record = lost(
      count, "withheld", "\(count) events of this agent exceeded its rate limit")
    record.agent = AgentLaunch.name(agent)
    if let launch { record.name(launch) }
    return record
  }

  private mutating func name(_ launch: AgentLaunch) {
    intent = launch.intent.name
    intentVersion = launch.intent.version
    intentDigest = Data(launch.intent.digest.bytes)
  }

  /// A record of the kernel, with what the node knows of its agent.
  ///
  /// - Parameters:
  ///   - linked: the log's sequence of the slam that it belongs to, or came from; 0 for none.
  ///   - origins: of a slam by another's data, see ``SlamRecords``.
  init(
    _ event: KernelEvent, launch: AgentLaunch?, linked: UInt64,
    origins: [Telos_Fleet_V1_Origin] = []
  ) {
    self.init()
    kind = event.kind?.rawValue ?? "unknown"
    bootNs = event.bootTime
    let now = BootClock.now
    let age = now > event.bootTime ? (now - event.bootTime) / 1_000_000 : 0
    let wall = Machine.unixMilliseconds
    atUnixMs = wall > age ? wall - age : 0
    kernelSequence = event.sequence
    kernelLinked = event.linked & SlamRecords.stored == 0 ? event.linked : 0
    linkedSequence = linked
    self.origins = origins
    agent = event.agent == 0 ? "" : AgentLaunch.name(event.agent)
    if let launch { name(launch) }
    gate = event.gate?.rawValue ?? ""
    hook = event.hook.map { $0 == .none ? "" : $0.rawValue } ?? "unknown"
    reason = event.reason.map { $0 == .none ? "" : $0.rawValue } ?? "unknown"
    error = event.error
    if event.file != nil || !event.path.isEmpty {
      file = .with {
        $0.name(event.path)
        $0.inode = event.file?.inode ?? 0
        $0.device = event.file?.device ?? 0
        $0.generation = event.file?.generation ?? 0
      }
    }
    if let address = event.address {
      destination = .with {
        $0.address = address.description
        $0.port = UInt32(event.port)
        $0.protocol = event.transport
      }
    }
    lineage = event.lineage.map { process in
      .with {
        $0.pid = process.pid
        $0.command = process.name
      }
    }
    state = event.state.name
    uid = event.uid
    count = 1
    canary = event.isCanary
    domain = event.domain
    detail = EventText.detail(event, origins)
  }
}

extension AgentState {
  /// clean, tainted or slammed
  var name: String {
    contains(.slammed) ? "slammed" : contains(.tainted) ? "tainted" : "clean"
  }
}
