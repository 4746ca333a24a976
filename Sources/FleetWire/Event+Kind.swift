public import TelosCore

extension Telos_Fleet_V1_Event {
  /// What it tells of; nil for a kind that only a newer build knows.
  public var eventKind: EventKind? {
    get { EventKind(rawValue: kind) }
    set { kind = newValue?.rawValue ?? "" }
  }
}
