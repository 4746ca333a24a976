public import Operations
public import TelosCore

/// `/var/lib/telos`: what a node keeps, and the lock that only one daemon holds.
public struct DataFolder: Sendable, Hashable {
  public let path: String

  /// Makes the folder with mode 0700 if it is not there. Throws when somebody else than root (or the caller) could
  /// write to it.
  public init(_ path: String) throws(TelosError) {
    self.path = path
    try OwnFolder.make(path)
  }

  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Takes the daemon's lock, for as long as the returned value lives or the process does.
  ///
  /// Throws `conflict` when another daemon has it.
  public func lock() throws(TelosError) -> OwnFolder.Lock {
    try OwnFolder.lock(path, for: "telos-node")
  }
}
