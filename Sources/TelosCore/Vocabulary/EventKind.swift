/// What a record of a node's log tells of. Raw values are the names on the wire.
///
/// Whoever decides by the kind switches over it without a `default`, so that a new kind does not compile before each has decided.
/// What only a newer build knows has no kind here.
public enum EventKind: String, Sendable, Codable, CaseIterable {
  // From the kernel.
  case started, ended, exec, tainted, slammed, denied
  case wouldDeny = "would-deny"
  // From the node itself.
  case lost, node, trust, set
}
