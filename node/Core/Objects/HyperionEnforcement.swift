public import AddressSets
public import Kernel
public import TelosCore

/// Where Hyperion could not be loaded: nothing can be put in force, and nothing is said to be.
public struct NoEnforcement: SetEnforcement {
  public init() {}

  private var refusal: TelosError {
    TelosError(.kernel, "Hyperion is not loaded on this node", hint: "telos status says why")
  }

  public func checkRoom(neverBlock: AddressSet) throws(TelosError) { throw refusal }
  public func hold(neverBlock: AddressSet) async throws(TelosError) { throw refusal }
  public func hold(set: AddressSet, version: UInt64, digest: Digest) async throws(TelosError) {
    throw refusal
  }
}

/// Address sets in this kernel, each read back entry by entry before it counts as held.
public struct HyperionEnforcement: SetEnforcement {
  private let hyperion: Hyperion

  public init(_ hyperion: Hyperion) { self.hyperion = hyperion }

  public func checkRoom(neverBlock: AddressSet) throws(TelosError) {
    try hyperion.checkRoom(neverBlock: neverBlock)
  }

  public func hold(neverBlock: AddressSet) async throws(TelosError) {
    let hyperion = hyperion
    try await blocking { () throws(TelosError) in
      try hyperion.setNeverBlock(neverBlock)
      guard try hyperion.neverBlock() == neverBlock else {
        throw TelosError(.kernel, "the kernel holds a different never-block list than it was given")
      }
    }
  }

  public func hold(set: AddressSet, version: UInt64, digest: Digest) async throws(TelosError) {
    let hyperion = hyperion
    try await blocking { () throws(TelosError) in
      try hyperion.load(set, version: version, digest: digest)
      let held = try hyperion.held()
      guard held.version == version, held.digest == digest, held.set == set else {
        throw TelosError(
          .kernel, "the kernel holds a different set than it was given: version \(held.version)")
      }
    }
  }
}
