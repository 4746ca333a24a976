/// Which agent ids were used. They are handed out rising but may arrive in another order, because starts run beside each
/// other.
struct AgentIDs {
  /// Starts that may overtake each other: more than there are slots for agents.
  static let window = 2048

  /// Everything up to here counts as used.
  private var floor: UInt64
  private var used: Set<UInt64> = []
  private(set) var highest: UInt64

  init(floor: UInt64) {
    self.floor = floor
    highest = floor
  }

  func isNew(_ id: UInt64) -> Bool { id > floor && !used.contains(id) }

  mutating func use(_ id: UInt64) {
    highest = max(highest, id)
    used.insert(id)
    guard used.count > Self.window, let oldest = used.min() else { return }
    used.remove(oldest)
    floor = oldest
  }
}
