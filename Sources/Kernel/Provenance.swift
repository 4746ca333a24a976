internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// What agents did to one file, beyond the life of the kernel's maps: the daemon persists it, and restores it
/// after a reboot, before any agent starts.
public struct FileProvenance: Sendable, Hashable, Codable {
  public var file: FileIdentity
  /// An agent opened it for writing: never again a file of the system.
  public var written: Bool
  /// Of the domain that it belongs to.
  public var state: AgentState
  /// Files with the same number share a domain; 0 for none. Numbers hold within one list only.
  public var domain: UInt32

  public init(file: FileIdentity, written: Bool, state: AgentState, domain: UInt32) {
    self.file = file
    self.written = written
    self.state = state
    self.domain = domain
  }
}

extension AgentTable {
  /// Every file that the kernel knows agents by.
  public func provenance() throws(TelosError) -> [FileProvenance] {
    let entries = try kernel { () throws(BPFError) in try maps.inodes.entries() }
    var result: [FileProvenance] = []
    for (inode, entry) in entries {
      let (root, domainState) = entry.domain == 0 ? (0, 0) : try domain(entry.domain)
      result.append(
        FileProvenance(
          file: FileIdentity(inode), written: entry.flags & TELOS_INODE_WRITTEN.rawValue != 0,
          state: AgentState(rawValue: domainState), domain: root))
    }
    return result
  }

  /// Puts files back that the kernel does not know; what it knows stays as it is.
  public func restore(_ files: [FileProvenance]) throws(TelosError) {
    try state.withLock { state throws(TelosError) in
      var domains: [UInt32: UInt32] = [:]
      var unknown: [FileProvenance] = []
      for file in files {
        let held = try kernel { () throws(BPFError) in
          try maps.inodes.lookup(telos_inode(file.file))
        }
        // What a list joins stays joined to what the kernel knows of it.
        if let held, held.domain != 0, file.domain != 0 { domains[file.domain] = held.domain }
        if held == nil { unknown.append(file) }
      }
      for file in unknown {
        if file.domain != 0, domains[file.domain] == nil {
          guard let free = state.freeDomains.popLast() else { throw Self.full("domains") }
          domains[file.domain] = free
          try kernel { () throws(BPFError) in
            try maps.domains.update(free, telos_domain(parent: 0, state: file.state.rawValue, slam: 0))
          }
        }
        let entry = telos_inode_entry(
          agent: 0, domain: domains[file.domain] ?? 0,
          flags: file.written ? TELOS_INODE_WRITTEN.rawValue : 0)
        filter.raise(file.file)
        do throws(BPFError) {
          try maps.inodes.update(telos_inode(file.file), entry, .insert)
        } catch {
          filter.lower(file.file)
          if error.code == 7 { throw Self.full("inodes") }
          guard error.code == 17 else { throw TelosError(error) }  // EEXIST: the kernel knows it
        }
      }
    }
  }
}
