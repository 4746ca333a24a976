internal import AddressSets
internal import Intents
internal import TelosAPI
internal import TelosCore

/// The smallest intent under which what was recorded passes, made from the recording and the audited intent alone.
struct Suggestion {
  /// What the run did and the intent does not grant.
  struct Ungranted: Codable, Sendable, Hashable {
    var what: String
    var why: String
    var count: Int
    /// The kernel refused it in the recorded run too, so that the run does not need it.
    var wasRefused: Bool
  }

  let name: String
  let base: Intent?
  let recording: Recording
  let written: Written

  private(set) var programs: PathSet = []
  /// Folders of what the agent built and ran.
  private(set) var own: PathSet = []
  var destinations: [IPAddress: Ports] = [:]
  /// Ports of its own that the run asked for.
  var listens: [Event] = []
  /// It talked to itself over loopback.
  var ownLoopback = false
  /// It made machine code in private memory.
  private(set) var jit = false
  private(set) var sockets: PathSet = []
  var folders: PathSet = []
  var files: PathSet = []
  /// Files or folders that were there, whose mode or owner the run changed.
  var changed: PathSet = []
  /// Sensitive files and addresses that the run met.
  private(set) var contacts: PathSet = []
  private var refused: [Ungranted: Int] = [:]
  private(set) var incomplete: [String]

  struct Ports {
    var tcp: Set<UInt16> = []
    var udp: Set<UInt16> = []
  }

  /// - Parameter base: the intent under which the run was recorded, nil where it is not known.
  init(_ recording: Recording, base: Intent?, name: String) {
    self.recording = recording
    self.base = base
    self.name = name
    written = Written(recording)
    incomplete = recording.gaps
    for event in recording.events { take(event) }
    settleWrites()
    settleOwn()
    settleListens()
    settleDestinations()
    addDoubts()
  }

  var ungranted: [Ungranted] {
    refused.map { Ungranted(what: $0.what, why: $0.why, count: $1, wasRefused: $0.wasRefused) }
      .sorted { ($0.what, $0.why) < ($1.what, $1.why) }
  }

  /// Whether the same run passes, as far as a recording can say.
  var isComplete: Bool { incomplete.isEmpty && ungranted.allSatisfy(\.wasRefused) }

  mutating func refuse(_ event: Event, _ what: String, _ why: String) {
    let wasRefused = event.kind == "denied"
    refused[Ungranted(what: what, why: why, count: 0, wasRefused: wasRefused), default: 0] += 1
  }

  mutating func refuse(_ what: String, _ why: String) {
    refused[Ungranted(what: what, why: why, count: 0, wasRefused: false), default: 0] += 1
  }

  private mutating func take(_ event: Event) {
    switch event.eventKind {
    case .exec: takeProgram(event)
    case .tainted, .slammed: contacts.insert(event.object)
    case .denied:
      refuse(event, Self.words(event), Reason.words(event.reason))
    case .wouldDeny:
      switch Gate(rawValue: event.gate) {
      case .exec: takeExec(event)
      case .network: takeNetwork(event)
      case .file: takeFile(event)
      case .identity, .egress, .guard, nil:
        refuse(event, Self.words(event), Reason.words(event.reason))
      }
    case .started, .ended, .lost, .node, .trust, .set, nil: break
    }
  }

  static func words(_ event: Event) -> String {
    let object = event.destination?.text ?? event.file?.path ?? ""
    return [event.hook.isEmpty ? event.gate : event.hook, object].filter { !$0.isEmpty }.joined(
      separator: " ")
  }

  // MARK: exec

  private mutating func takeExec(_ event: Event) {
    if Self.isMemory(event) {
      jit = true
      return
    }
    guard event.reason == "not-approved" || event.reason == "agent-wrote" else {
      return refuse(event, Self.words(event), Reason.words(event.reason))
    }
    guard let path = event.wholePath else {
      return refuse(event, Self.words(event), "its full path was not recorded")
    }
    if event.reason == "agent-wrote" {
      own.insert(path)
    } else if event.hook == "bprm-check" {
      takeProgram(event)
    } else if event.hook != "file-open" {
      refuse(event, Self.words(event), "only programs can be approved")
    }  // else the program itself, which comes again, or its ELF interpreter, which needs no entry
  }

  /// Whether `exec.jit` lets an executable mapping be: of memory, or of a memory file, which is never started all the same.
  static func isMemory(_ event: Event) -> Bool {
    guard event.reason == "anonymous", event.hook == "mmap-file" || event.hook == "file-mprotect"
    else { return false }
    guard let path = event.file?.path, !path.isEmpty else { return true }
    return path.split(separator: "/").last?.hasPrefix("memfd:") ?? false
  }

  private mutating func takeProgram(_ event: Event) {
    guard let path = event.wholePath else {
      return refuse(event, Self.words(event), "its full path was not recorded")
    }
    if written.file(event, path) {
      own.insert(path)
    } else if event.eventKind == .exec, let base,
      !base.exec.allow.contains(where: { $0.path.matches(path) }),
      base.exec.own.contains(where: { $0.matches(path) })
    {
      return  // its folder is carried over
    } else if ["busybox", "toybox", "coreutils"].contains(PathPattern.name(of: path)) {
      refuse(event, Self.words(event), "one binary that is many programs")
    } else {
      programs.insert(path)
    }
  }

  /// Folders instead of files, each there before the agent starts and below something it may write.
  private mutating func settleOwn() {
    let paths = own.sorted()
    own = []
    for path in paths {
      let folder = standing(PathPattern.folder(of: path))
      if mayWrite(folder) {
        own.insert(folder)
      } else if base?.exec.own.contains(where: { $0.matches(path) }) != true {
        refuse("running \(path)", "an agent wrote it, but this run wrote nothing in its folder")
      }
    }
    own = Self.outermost(own)
  }

  private func mayWrite(_ folder: String) -> Bool {
    let roots =
      Array(folders) + (base?.files.write ?? []).filter { $0.form != .literal }.map(\.anchor)
    return roots.contains { BytePath($0) == BytePath(folder) || PathPattern.isBelow(folder, $0) }
  }

  // MARK: network

  private mutating func takeNetwork(_ event: Event) {
    switch event.reason {
    case "no-window": takeDestination(event)
    case "listen": listens.append(event)
    case "unmanaged-peer":
      guard let name = event.socketName, (try? UnixName(name)) != nil else {
        return refuse(event, Self.words(event), "the socket has no name that could be allowed")
      }
      sockets.insert(name)
    default: refuse(event, Self.words(event), Reason.words(event.reason))
    }
  }

  private mutating func takeDestination(_ event: Event) {
    guard let destination = event.destination, let address = try? IPAddress(destination.address),
      let port = UInt16(exactly: destination.port), port > 0
    else { return refuse(event, Self.words(event), "there is no port that could be allowed") }
    switch destination.protocol {
    case "tcp": destinations[address, default: Ports()].tcp.insert(port)
    case "udp": destinations[address, default: Ports()].udp.insert(port)
    default: refuse(event, Self.words(event), "it is neither TCP nor UDP")
    }
  }

  /// The kernel has room for eight port rules at one address; to join ports to ranges would be to guess.
  private mutating func settleDestinations() {
    if base?.network.hasNames == true { dropLookUps() }
    for (address, ports) in destinations {
      let both = ports.tcp.intersection(ports.udp)
      let ranges = [both, ports.tcp.subtracting(both), ports.udp.subtracting(both)]
        .map { PortRange.normalised($0.map { PortRange(first: $0, last: $0) }).count }
      guard ranges.reduce(0, +) > 8 else { continue }
      destinations[address] = nil
      refuse(
        "\(address), on \(ports.tcp.union(ports.udp).count) ports",
        "more than eight ranges of ports")
    }
  }

  /// The node answers those.
  private mutating func dropLookUps() {
    for address in destinations.keys {
      destinations[address]?.tcp.remove(53)
      destinations[address]?.udp.remove(53)
      if destinations[address].map({ $0.tcp.isEmpty && $0.udp.isEmpty }) == true {
        destinations[address] = nil
      }
    }
  }

  // MARK: what a recording cannot say

  private mutating func addDoubts() {
    guard let base else {
      incomplete.append(
        "the audited intent is not known, and what it allowed is not recorded apart from executions: give it with --base"
      )
      return
    }
    if base.mode != .audit {
      incomplete.append(
        "the run was recorded in mode enforce, so what it would have done after a refusal is not known"
      )
    }
    if base.files.write == nil {
      incomplete.append(
        folders.isEmpty && files.isEmpty
          ? "the audited intent lets agents write their working directory and a private TMPDIR: that has to be intended here as well"
          : "the audited intent lets agents write their working directory and a private TMPDIR, of which nothing is recorded: add them to files.write, or audit with files.write: []"
      )
    }
  }
}
