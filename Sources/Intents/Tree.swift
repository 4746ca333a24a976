/// A document as both YAML and JSON give it, each value with its place.
struct Tree {
  struct Entry {
    var key: String
    var line: Int
    var column: Int
    var value: Tree
  }
  indirect enum Content {
    /// Any scalar as it is written; numbers too.
    case text(String)
    case list([Tree])
    /// In the document's order, keys unique.
    case map([Entry])
    /// Nothing after the colon.
    case nothing
  }
  var content: Content
  var line = 0
  var column = 0
}
