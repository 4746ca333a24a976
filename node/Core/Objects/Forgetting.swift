internal import FoundationEssentials
public import TelosCore
internal import Trust

extension ObjectKeeper {
  /// Lets go of intents that no manifest names, under which no agent runs, and that give nobody a place. The version of each
  /// stays the lowest that this node accepts under its name.
  ///
  /// Nothing is let go of while the manifests that are held are out of their time: they say nothing of what is current.
  ///
  /// - Parameter names: of intents under which agents run or may start.
  /// - Returns: what was forgotten.
  @discardableResult
  public func forget(except names: Set<String>) async throws(TelosError) -> [ObjectVersion] {
    await turn.take()
    defer { turn.give() }
    let now = clock()
    guard !state.manifests.isEmpty, state.manifests.values.allSatisfy({ $0.expires > now }) else {
      return []
    }
    let gone = state.unnamed.filter { !names.contains($0.name) }
    guard !gone.isEmpty else { return [] }
    try await database.forget(gone)
    for object in gone { state.forget(object) }
    return gone
  }
}
