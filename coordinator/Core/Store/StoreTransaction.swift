internal import FoundationEssentials

/// One transaction, as the rules see it: operations on rows, which the files beside this one add, each its own table.
struct StoreTransaction {
  let connection: any StoreConnection
  /// The time of everything that the transaction writes.
  let now: Date
  private let touched: Touched

  init(connection: any StoreConnection, now: Date) {
    self.connection = connection
    self.now = now
    touched = Touched()
  }

  private init(_ other: StoreTransaction, now: Date) {
    connection = other.connection
    self.now = now
    touched = other.touched
  }

  /// The same transaction at another time.
  func at(_ now: Date) -> StoreTransaction { StoreTransaction(self, now: now) }

  /// What the transaction changed; every operation that changes something of it says so.
  var topics: Set<Topic> { touched.topics }

  func touch(_ topic: Topic) { touched.topics.insert(topic) }

  private final class Touched { var topics: Set<Topic> = [] }
}
