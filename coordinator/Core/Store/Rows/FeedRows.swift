internal import FoundationEssentials
internal import TelosCore

extension StoreTransaction {
  /// The next revision. Until the transaction ends no other one gets one.
  func takeRevision() throws -> Int64 {
    guard
      let row = try connection.row(
        "UPDATE feed SET revision = revision + 1 WHERE topic = '' RETURNING revision")
    else { throw TelosError(.corrupt, "the store has lost its revision") }
    return try row.integer("revision")
  }

  /// Says at which revision a topic changed last.
  func put(_ revision: Int64, of topic: Topic) throws {
    try connection.change(
      "UPDATE feed SET revision = ?1 WHERE topic = ?2", .integer(revision), .text(topic.rawValue))
  }

  /// The revision at which each topic changed last.
  func revisions() throws -> [Topic: Int64] {
    var revisions: [Topic: Int64] = [:]
    for row in try connection.rows("SELECT topic, revision FROM feed") {
      // The row without a topic is the counter; others may be a newer coordinator's.
      guard let topic = Topic(rawValue: try row.text("topic")) else { continue }
      revisions[topic] = try row.integer("revision")
    }
    return revisions
  }
}
