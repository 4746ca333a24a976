import BPFKit
import Glibc
import TelosCore

@testable import Kernel

/// The gates' maps without their programs, which this machine's kernel may refuse: enough for what user space
/// writes and reads. They live in a namespace of their own.
final class GateMapsOnly {
  let namespace: Namespace
  let gates: Gates
  let table: AgentTable
  let socketsDescriptor: Descriptor

  init() throws {
    let namespace = try Namespace()
    self.namespace = namespace
    (gates, socketsDescriptor) = try namespace {
      var template = Array("/tmp/telos-maps-XXXXXX".utf8CString)
      try require(mkdtemp(&template) != nil, "make a folder")
      let folder = String(
        decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let pins = try PinFolder(root: folder)
      let object = try BPFObject(path: bpfObject("gates"))
      for program in object.programs { try object.setLoads(program.name, false) }
      for map in object.maps {
        if map.name.hasSuffix(".bss") {
          try object.setPin(map.name, pins.map("globals"))
        } else if !map.isInternal {
          try object.setPin(map.name, pins.map(map.name))
        }
      }
      try object.load()
      let maps = try GateMaps(pins)
      umount2(folder, 2)  // MNT_DETACH; the maps live on in their descriptors
      rmdir(folder)
      return (
        Gates(pins: pins, build: Digest(of: [0]), reused: false, reports: [], maps: maps),
        try object.descriptor(ofMap: "sockets")
      )
    }
    table = try AgentTable(gates)
  }
}
