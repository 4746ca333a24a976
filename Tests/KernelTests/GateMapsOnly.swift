import BPFKit
import Glibc
import TelosCore

@testable import Kernel

/// The gates' maps without their programs, which this machine's kernel may refuse: enough for what user space
/// writes and reads. They live in a namespace of their own.
///
/// Programs of cgroups and sockets are admitted everywhere: those that are named are loaded and act on `group`.
final class GateMapsOnly {
  let namespace: Namespace
  let group: TestGroup?
  let gates: Gates
  let table: AgentTable
  let socketsDescriptor: Descriptor
  private let folder: String

  /// - Parameter first: whose pinned maps are taken up.
  init(
    sizes: GateSizes = GateSizes(), again first: GateMapsOnly? = nil,
    programs: (BPFObject.Program) -> Bool = { _ in false }
  ) throws {
    let acting = Set(try BPFObject(path: bpfObject("gates")).programs.filter(programs).map(\.name))
    let group = acting.isEmpty ? nil : TestGroup()
    self.group = group
    let namespace = try first?.namespace ?? Namespace()
    self.namespace = namespace
    let folder = try first?.folder ?? Self.makeFolder()
    self.folder = folder
    (gates, socketsDescriptor) = try namespace {
      let pins = try PinFolder(root: folder)
      let object = try BPFObject(path: bpfObject("gates"))
      for program in object.programs {
        try object.setLoads(program.name, acting.contains(program.name))
      }
      try Gates.fit(object, sizes, pins)
      for map in object.maps {
        if map.name.hasSuffix(".bss") {
          try object.setPin(map.name, pins.map("globals"))
        } else if !map.isInternal {
          try object.setPin(map.name, pins.map(map.name))
        }
      }
      try object.load()
      for program in object.programs where acting.contains(program.name) {
        let loaded = try object.loaded(program.name)
        if program.isSocketFilter {
          try loaded.descriptor.pin(pins.link(program.name))
        } else if let group {
          let cgroup = try ControlGroupRoot(standIn: group.path).open()
          try loaded.attach(cgroup: cgroup).pin(pins.link(program.name))
        }
      }
      return (
        Gates(
          pins: pins, build: Digest(of: [0]), reused: false, reports: [], sizes: sizes,
          maps: try GateMaps(pins)),
        try object.descriptor(ofMap: "sockets")
      )
    }
    table = try AgentTable(gates)
  }

  deinit {
    // The mount ends with its name space; the folder is this machine's.
    rmdir(folder)
  }

  private static func makeFolder() throws -> String {
    var template = Array("/tmp/telos-maps-XXXXXX".utf8CString)
    try require(mkdtemp(&template) != nil, "make a folder")
    return String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
