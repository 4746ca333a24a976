internal import BPFKit
internal import Glibc
internal import TelosCore

/// The pins of the gates' links. `links/PROGRAM` are in charge; `fresh/PROGRAM` those of a build on trial. A program that is put on
/// single sockets has no link: it is pinned itself in that place.
///
/// The build that made the links in charge is written into a map that is pinned beside them, so that it lives
/// exactly as long as they do.
struct GateLinks {
  static let prefix = "telos_"
  private let pins: PinFolder

  init(_ pins: PinFolder) { self.pins = pins }

  private var fresh: String { "\(pins.path)/fresh" }

  /// Programs that have a link in charge.
  func attached() throws(TelosError) -> Set<String> {
    Set(try pins.contents("links").filter { $0.hasPrefix(Self.prefix) })
  }

  /// The build of the links in charge; nil when there is none, or its record is not complete.
  func build() -> Digest? {
    guard
      let map = try? BPFMap<UInt32, BuildRecord>(
        pinned: pins.map("gates_build"), name: "gates_build"),
      let record = try? map.lookup(0)
    else { return nil }
    return record.digest
  }

  /// Pins a link on trial, or in charge at once where there is nothing to replace.
  func pin(_ link: borrowing BPFLink, _ program: String, onTrial: Bool) throws(TelosError) {
    let path = try place(program, onTrial)
    do throws(BPFError) {
      try link.pin(path)
    } catch {
      throw TelosError(error)
    }
  }

  func pin(_ filter: BPFProgram, onTrial: Bool) throws(TelosError) {
    let path = try place(filter.name, onTrial)
    try kernel { () throws(BPFError) in try filter.descriptor.pin(path) }
  }

  private func place(_ program: String, _ onTrial: Bool) throws(TelosError) -> String {
    guard onTrial else { return pins.link(program) }
    guard mkdir(fresh, 0o700) == 0 || errno == EEXIST else {
      throw TelosError.system("make \(fresh)")
    }
    return "\(fresh)/\(program)"
  }

  func record(_ build: Digest) throws(TelosError) {
    let path = pins.map("gates_build")
    try kernel { () throws(BPFError) in
      let map = try BPFMap<UInt32, BuildRecord>.create(.array, name: "gates_build", capacity: 1)
      try map.update(0, BuildRecord(build))
      unlink(path)
      try map.descriptor.pin(path)
    }
  }

  func commit(_ build: Digest) throws(TelosError) {
    let programs = try pins.contents("fresh")
    guard !programs.isEmpty else { return }
    // Should this end half-way, the links are of no one build: the next daemon then attaches its own beside them all.
    try pins.unpin(pins.map("gates_build"))
    for program in programs {
      // One step: the new link takes the name, and the old one ends with its pin.
      guard rename("\(fresh)/\(program)", pins.link(program)) == 0 else {
        throw TelosError.system("put \(program) in charge")
      }
    }
    for program in try attached().subtracting(programs) { try pins.unpin(pins.link(program)) }
    rmdir(fresh)
    try record(build)
  }

  /// What a daemon that died half-way left on trial goes as well.
  func abandon() throws(TelosError) {
    for program in try pins.contents("fresh") { try pins.unpin("\(fresh)/\(program)") }
    rmdir(fresh)
  }
}

private struct BuildRecord: BitwiseCopyable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init(_ digest: Digest) {
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: digest.bytes) }
  }

  var digest: Digest? { withUnsafeBytes(of: words) { Digest(bytes: $0) } }
}
