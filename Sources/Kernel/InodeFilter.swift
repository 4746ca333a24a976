internal import BPFKit
internal import CTelosABI

/// The counting filter that lets the gates say "surely no rule and no entry for this file" in one load.
///
/// A cell is raised before an entry goes in and lowered after it is out, so that it never says no wrongly; a
/// daemon that dies in between leaves a cell too high, which only costs time.
struct InodeFilter: Sendable {
  private let memory: SharedMemory

  init(_ memory: SharedMemory) { self.memory = memory }

  func raise(_ file: FileIdentity) { memory.add(1, at: offset(file)) }
  func lower(_ file: FileIdentity) { memory.subtract(1, at: offset(file)) }

  /// How many entries share the file's cell.
  func count(_ file: FileIdentity) -> UInt32 { memory.load(at: offset(file)) }

  private func offset(_ file: FileIdentity) -> Int {
    Int(TELOS_GLOBALS_INODE_FILTER.rawValue) + 4
      * Int(telos_inode_cell(file.inode, telos_device_salt(file.device)))
  }
}
