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
  /// The slam that the state came from: what the kernel calls it, or what ``AgentTable/restore(_:)`` was given; 0 for none.
  public var slam: UInt64

  public init(
    file: FileIdentity, written: Bool, state: AgentState, domain: UInt32, slam: UInt64 = 0
  ) {
    self.file = file
    self.written = written
    self.state = state
    self.domain = domain
    self.slam = slam
  }
}

extension AgentTable {
  /// Every file that the kernel knows agents by, but shared memory and terminals: they end with the machine.
  public func provenance() throws(TelosError) -> [FileProvenance] {
    let forest = try DomainForest(maps)
    var result: [FileProvenance] = []
    try kernel { () throws(BPFError) in
      try maps.inodes.forEach { inode, entry in
        guard !entry.isPrivate else { return }
        let (root, state) = forest.root(of: entry.domain)
        result.append(
          FileProvenance(
            file: FileIdentity(inode), written: entry.flags & TELOS_INODE_WRITTEN.rawValue != 0,
            state: AgentState(rawValue: state), domain: root, slam: forest.slam(ofRoot: root)))
      }
    }
    return result
  }

  /// Takes out files that are gone, however sensitive they were, unless an agent that runs is charged with them.
  ///
  /// - Returns: how many were there.
  @discardableResult
  public func forget(_ gone: [FileIdentity]) throws(TelosError) -> Int {
    guard !gone.isEmpty else { return 0 }
    return try state.withLock { _ throws(TelosError) in
      let running = Set(try Self.slots(maps).map(\.record.id))
      var count = 0
      for file in gone {
        let inode = telos_inode(file)
        let entry = try kernel { () throws(BPFError) in try maps.inodes.lookup(inode) }
        guard let entry, !running.contains(entry.agent) else { continue }
        if try drop(inode) { count += 1 }
      }
      return count
    }
  }

  /// Puts files back that the kernel does not know; what it knows stays as it is.
  ///
  /// - Throws: `unavailable` when the map has no room for them all.
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
            try maps.domains.update(
              free, telos_domain(parent: 0, state: file.state.rawValue, slam: file.slam))
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
          if error.code == 7 { throw Self.tooMany(unknown.count, maps.inodes.capacity) }
          guard error.code == 17 else { throw TelosError(error) }  // EEXIST: the kernel knows it
        }
      }
    }
  }
  private static func tooMany(_ files: Int, _ capacity: Int) -> TelosError {
    TelosError(
      .unavailable,
      "the kernel's map of files holds \(capacity) entries, but agents have written \(files) files",
      hint: "increase kernel.files in node.yaml, and restart the machine")
  }
}
