internal import BPFKit
internal import CTelosABI
public import TelosCore

/// The LSM gates and the egress gate: loaded, attached and pinned, so that they go on without the daemon.
///
/// Opening them again takes up what is pinned. Another build is attached beside the old one first, and replaces
/// it at ``commit()``, after it was proved; until then every request passes both.
public final class Gates: Sendable {
  /// What opening them came to.
  public enum Outcome: Sendable {
    case attached(Gates)
    /// This kernel admits no LSM programs. Nothing was loaded; Hyperion can still run.
    case hyperionOnly(reason: String)
  }

  public struct Configuration: Sendable {
    /// `gates.bpf.o`.
    public var object: String
    public var pins: PinFolder
    public var root: ControlGroupRoot
    /// Of maps that are not pinned yet.
    public var sizes: GateSizes

    public init(
      object: String, pins: PinFolder, root: ControlGroupRoot, sizes: GateSizes = GateSizes()
    ) {
      self.object = object
      self.pins = pins
      self.root = root
      self.sizes = sizes
    }
  }

  public let pins: PinFolder
  /// SHA-256 of the object file that is attached.
  public let build: Digest
  /// True when this very build was found attached, by a daemon before.
  public let reused: Bool
  /// One entry a gate, from what was attached. A canary proves or refutes it.
  public let reports: [GateReport]
  /// What was asked for; nil where nobody did. The maps are of the sizes that they were pinned with.
  let sizes: GateSizes?
  let maps: GateMaps

  init(
    pins: PinFolder, build: Digest, reused: Bool, reports: [GateReport], sizes: GateSizes? = nil,
    maps: GateMaps
  ) {
    self.pins = pins
    self.build = build
    self.reused = reused
    self.reports = reports
    self.sizes = sizes
    self.maps = maps
  }

  /// By what the programs of this build know that a canary is theirs to judge; see `TELOS_AGENT_JUDGE_SHIFT`.
  var mark: UInt16 { Self.mark(of: build) }

  /// Never 0, which is every build's.
  static func mark(of build: Digest) -> UInt16 {
    max(1, build.bytes.prefix(2).reduce(0) { $0 << 8 | UInt16($1) })
  }

  /// Makes a new build the only one: its links take the place of those of the build before. Nothing happens
  /// where there is but one.
  public func commit() throws(TelosError) {
    try GateLinks(pins).commit(build)
  }

  /// Gives up a new build that could not be proved: its links go, those before it stay. Not for the only build.
  public func abandon() throws(TelosError) {
    try GateLinks(pins).abandon()
  }

  /// The control socket, which every managed task may connect to.
  public func setControlSocket(_ file: FileIdentity) {
    let offset = Int(TELOS_GLOBALS_CONTROL.rawValue)
    // Without an inode number there is none, so it goes first and comes last.
    maps.globals.store64(0, at: offset)
    maps.globals.store(file.device, at: offset + 8)
    maps.globals.store(file.generation, at: offset + 12)
    maps.globals.store64(file.inode, at: offset)
  }

  /// Of the last record that the kernel numbered, whether or not it found room.
  public var sequence: UInt64 { maps.globals.load64(at: Int(TELOS_GLOBALS_SEQUENCE.rawValue)) }

  /// The label of a socket of this process, as the kernel gave it; nil for a peer that is not managed.
  public func label(ofSocket descriptor: Int32) throws(TelosError) -> SocketLabel? {
    let label = try kernel { () throws(BPFError) in try maps.sockets.label(of: descriptor) }
    return label.map { SocketLabel($0) }
  }
}

/// The label of a socket. Source: `struct telos_socket`.
public struct SocketLabel: Sendable, Hashable {
  /// The agent's id.
  public var agent: UInt64
  public var peerIsUnmanaged: Bool
  public var isStandardStream: Bool
  /// An accepted connection of the control socket, whose caller is this agent.
  public var isControl: Bool

  init(_ label: telos_socket) {
    agent = label.agent
    peerIsUnmanaged = label.flags & TELOS_SOCKET_PEER_UNMANAGED.rawValue != 0
    isStandardStream = label.flags & TELOS_SOCKET_STDIO.rawValue != 0
    isControl = label.flags & TELOS_SOCKET_CONTROL.rawValue != 0
  }
}
