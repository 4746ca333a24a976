internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// The packet filter: drops an address set on arrival (XDP), on the way out (cgroup egress) and at connect,
/// host-wide. Its programs and maps are pinned: they go on without the daemon, which takes them up again.
///
/// Calls block, for up to some 100 ms where a set is exchanged; they may come from any thread.
public final class Hyperion: Sendable {
  public struct Configuration: Sendable {
    /// `hyperion.bpf.o`.
    public var object: String
    public var pins: PinFolder
    public var root: ControlGroupRoot
    /// Names; nil for every interface that is up, without loopback.
    public var interfaces: [String]?

    public init(
      object: String, pins: PinFolder, root: ControlGroupRoot, interfaces: [String]? = nil
    ) {
      self.object = object
      self.pins = pins
      self.root = root
      self.interfaces = interfaces
    }
  }

  let configuration: Configuration
  let xdp: BPFProgram
  let maps: HyperionMaps
  /// One writer at a time.
  let writing = Mutex(())
  let attached = Mutex<[InterfaceStatus]>([])

  /// Loads the programs onto the pinned maps and puts them into the pinned links, or attaches them where there
  /// are none. What was in force before stays in force throughout.
  public init(_ configuration: Configuration) throws(TelosError) {
    self.configuration = configuration
    let pins = configuration.pins
    let object = try kernel { () throws(BPFError) in try BPFObject(path: configuration.object) }
    do throws(BPFError) {
      for map in object.maps where !map.isInternal {
        try object.setPin(map.name, pins.map(map.name))
      }
      try object.load()
      maps = try HyperionMaps(object)
      xdp = try object.loaded("hyperion_xdp")
    } catch {
      throw TelosError(
        error,
        hint: error.code == mapMismatch
          ? "the maps pinned at \(pins.path) may be of another build: stop telos-node, remove that folder and start it"
          : nil)
    }
    for name in ["hyperion_egress", "hyperion_connect4", "hyperion_connect6"] {
      let program = try kernel { () throws(BPFError) in try object.loaded(name) }
      try Self.attach(program, configuration)
    }
    try attachInterfaces()
  }

  private static func attach(_ program: BPFProgram, _ configuration: Configuration)
    throws(TelosError)
  {
    let pins = configuration.pins
    let path = pins.link(program.name)
    let cgroup = try configuration.root.open()
    let identifier = try configuration.root.identifier()
    if pins.exists(path) {
      let link = try kernel { () throws(BPFError) in try BPFLink(pinned: path) }
      let info = try kernel { () throws(BPFError) in try link.info() }
      if info.cgroup == identifier {
        return try kernel { () throws(BPFError) in try link.update(to: program) }
      }
      try pins.unpin(path)
    }
    try kernel { () throws(BPFError) in try program.attach(cgroup: cgroup).pin(path) }
  }
}
