internal import TelosCore
internal import Trust

extension Tree {
  static let notPlain = TelosError(
    .corrupt, "the intent's payload is not JSON of texts and whole numbers")

  /// The same shape without places. Throws ``notPlain`` for `true`, `false` and `null`, which no intent has.
  init(_ json: JSONValue) throws(TelosError) {
    switch json {
    case .string(let text): self.init(content: .text(text))
    case .integer(let number): self.init(content: .text(String(number)))
    case .array(let values):
      var items: [Tree] = []
      for value in values { items.append(try Tree(value)) }
      self.init(content: .list(items))
    case .object(let members):
      var entries: [Entry] = []
      for (key, value) in members.sorted(by: { $0.key < $1.key }) {
        entries.append(Entry(key: key, line: 0, column: 0, value: try Tree(value)))
      }
      self.init(content: .map(entries))
    case .bool, .null: throw Self.notPlain
    }
  }
}
