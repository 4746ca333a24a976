public import AddressSets
public import TelosCore

/// Where address sets are put in force. Each call returns only once the kernel, read back, holds what was given;
/// an error leaves in force what was.
public protocol SetEnforcement: Sendable {
  /// Throws `invalid-argument` where so many entries have no room.
  func checkRoom(neverBlock: AddressSet) throws(TelosError)
  /// Replaces what is never blocked.
  func hold(neverBlock: AddressSet) async throws(TelosError)
  /// Replaces the set that is dropped.
  func hold(set: AddressSet, version: UInt64, digest: Digest) async throws(TelosError)
}
