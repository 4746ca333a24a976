internal import BPFKit
internal import CLibbpf
internal import CTelosABI
internal import Glibc
public import TelosCore

/// System V segments, semaphores and queues of the machine's own IPC name space, and whose they are: the kernel is asked
/// object by object. Those of containers end with their name space.
public struct SystemVObjects: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case shm, sem, msg

    var code: clibbpf_ipc {
      switch self {
      case .shm: CLIBBPF_SHM
      case .sem: CLIBBPF_SEM
      case .msg: CLIBBPF_MSG
      }
    }
  }

  private let resolver: Resolver

  public init(_ resolver: Resolver) { self.resolver = resolver }

  /// Removes what belongs to agents that have ended.
  ///
  /// - Parameter alive: the ids of all agents that hold a slot. Asked after the owners, so that one who starts meanwhile is
  ///   not taken for ended; not asked where agents own nothing.
  /// - Returns: how many objects were removed.
  @discardableResult
  public func remove(alive: () throws(TelosError) -> Set<UInt64>) throws(TelosError) -> Int {
    var owned: [(kind: Kind, id: Int32, owner: UInt64)] = []
    for kind in Kind.allCases {
      for id in Self.ids(kind) {
        if let owner = resolver.owner(of: kind, id), owner != 0 { owned.append((kind, id, owner)) }
      }
    }
    guard !owned.isEmpty else { return 0 }
    let alive = try alive()
    return owned.count { object in
      // Announced, so that no hook takes this for somebody who wants into an agent's object.
      !alive.contains(object.owner)
        && resolver.asking { _ in clibbpf_ipc_control(object.kind.code, object.id, IPC_RMID) } == 0
    }
  }

  /// The numbers in `/proc/sysvipc`; none where the kernel has no such objects.
  static func ids(_ kind: Kind) -> [Int32] {
    guard let bytes = try? DurableFile.read("/proc/sysvipc/\(kind.rawValue)", limit: 64 << 20)
    else {
      return []
    }
    return ids(String(decoding: bytes, as: UTF8.self))
  }

  /// The second column, below one line of titles.
  static func ids(_ text: String) -> [Int32] {
    text.split(separator: "\n").dropFirst().compactMap { line in
      let columns = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
      return columns.count > 1 ? Int32(columns[1]) : nil
    }
  }
}

extension Resolver {
  /// Whose a System V object is: an agent's id, 0 for nobody's, nil when the kernel did not say.
  func owner(of kind: SystemVObjects.Kind, _ id: Int32) -> UInt64? {
    asking { memory in
      guard clibbpf_ipc_control(kind.code, id, 2 /* IPC_STAT */) == 0,
        memory.load(at: Int(TELOS_GLOBALS_RESOLVED_COUNT.rawValue)) == 1
      else { return nil }
      return memory.load64(at: Int(TELOS_GLOBALS_RESOLVED.rawValue))
    }
  }
}
