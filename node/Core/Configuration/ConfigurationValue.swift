internal import TelosCore
internal import Yams

/// One value of the file, with its place for messages.
struct ConfigurationValue {
  var name: String
  var place: String
  var node: Node

  func bad(_ wanted: String) -> TelosError {
    TelosError(.invalidArgument, "\(place): \"\(name)\" takes \(wanted)")
  }

  func string() throws(TelosError) -> String {
    guard let text = node.scalar?.string else { throw bad("one text") }
    return text
  }

  func absolutePath() throws(TelosError) -> String {
    let path = try string()
    guard path.hasPrefix("/") else { throw bad("an absolute path") }
    return path
  }

  func integer(_ range: ClosedRange<Int>) throws(TelosError) -> Int {
    guard let value = Int(try string()), range.contains(value) else {
      throw bad("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func members() throws(TelosError) -> [ConfigurationValue] {
    guard let mapping = node.mapping else { throw bad("keys and values") }
    return mapping.map { key, value in
      let file = place.split(separator: ":").first.map(String.init) ?? place
      return ConfigurationValue(
        name: key.scalar?.string ?? "", place: key.mark.map { "\(file):\($0.line)" } ?? place,
        node: value)
    }
  }

  func strings() throws(TelosError) -> [String] {
    guard let sequence = node.sequence else { throw bad("a list of texts") }
    var values: [String] = []
    for item in sequence {
      guard let text = item.scalar?.string else { throw bad("a list of texts") }
      values.append(text)
    }
    return values
  }

  func labels() throws(TelosError) -> Labels {
    guard let mapping = node.mapping else { throw bad("keys and values") }
    var labels: Labels = [:]
    for (key, value) in mapping {
      guard let key = key.scalar?.string, let value = value.scalar?.string else {
        throw bad("keys and values that are text")
      }
      labels[key] = value
    }
    return labels
  }
}
