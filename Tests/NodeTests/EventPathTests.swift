import CTelosABI
import FleetWire
import SwiftProtobuf
import TelosCore
import Testing

@testable import Kernel
@testable import Node

@Suite("paths in events")
struct EventPathTests {
  /// As the kernel sends it.
  static func event(path: [UInt8], command: [UInt8] = Array("sh".utf8)) -> KernelEvent {
    var record = telos_event()
    record.kind = UInt8(TELOS_EVENT_DENIED.rawValue)
    record.inode.ino = 7
    withUnsafeMutableBytes(of: &record.path) { $0.copyBytes(from: path) }
    record.lineage.0.pid = 5
    withUnsafeMutableBytes(of: &record.lineage.0.comm) { $0.copyBytes(from: command) }
    return KernelEvent(record)
  }

  @Test func aNameThatIsNotUTF8IsTextForPeopleAndBytesForPrograms() throws {
    let path = Array("/srv/a".utf8) + [0xff]
    let event = Self.event(path: path, command: [0x78, 0xfe])
    #expect(event.path.bytes == path)
    let record = Telos_Fleet_V1_Event(event, launch: nil, linked: 0)
    #expect(record.file.path == #"/srv/a\xff"#)
    #expect(Array(record.file.pathBytes) == path)
    #expect(record.lineage.first?.command == #"x\xfe"#)
    #expect(record.detail == #"refused /srv/a\xff"#)
    // What is stored and sent is the same afterwards.
    let bytes = try record.recordBytes()
    let read = try Telos_Fleet_V1_Event(serializedBytes: bytes)
    #expect(read.file.bytePath.bytes == path)
    #expect(try read.recordBytes() == bytes)
  }

  @Test func whatIsUTF8StandsThereOnceAndItsFormIsKept() {
    for text in ["/srv/\u{e9}", "/srv/e\u{301}", #"/srv/a\xff"#, "/srv/\u{fffd}"] {
      let record = Telos_Fleet_V1_Event(
        Self.event(path: Array(text.utf8)), launch: nil, linked: 0)
      #expect(record.file.path.utf8.elementsEqual(text.utf8))
      #expect(record.file.pathBytes.isEmpty)
      #expect(record.file.bytePath.bytes == Array(text.utf8))
    }
  }
}
