internal import TelosCore

/// Walks a ``Tree``, collecting every problem with its place.
struct TreeReader {
  var problems: [IntentProblem] = []
  /// Where each value is, by its path.
  private(set) var places: [String: (line: Int, column: Int)] = [:]

  struct Value {
    var tree: Tree
    var path: String
  }

  mutating func problem(
    _ value: Value, _ message: String, _ suggestion: String? = nil,
    code: TelosError.Code = .invalidArgument
  ) {
    problems.append(
      IntentProblem(
        line: value.tree.line, column: value.tree.column, path: value.path, message: message,
        suggestion: suggestion, code: code))
  }

  /// Records a problem by path alone, at the nearest known place.
  mutating func problem(
    at path: String, _ message: String, _ suggestion: String?,
    code: TelosError.Code = .invalidArgument
  ) {
    let place = places[path] ?? (0, 0)
    problems.append(
      IntentProblem(
        line: place.line, column: place.column, path: path, message: message,
        suggestion: suggestion, code: code))
  }

  /// The fields of a map. Unknown keys, reserved keys and keys without a value are problems.
  ///
  /// - Parameters:
  ///   - optional: keys that may have no value, which is as if they were not there.
  ///   - reserved: keys that a later version understands, and why this one does not.
  ///   - misplaced: keys that people look for here, and why they are not.
  mutating func fields(
    _ value: Value, _ known: [String], optional: [String] = [], reserved: [String: String] = [:],
    misplaced: [String: String] = [:]
  ) -> [String: Value] {
    guard case .map(let entries) = value.tree.content else {
      problem(value, "expected keys and values", "known keys here: \(Self.list(known))")
      return [:]
    }
    var fields: [String: Value] = [:]
    for entry in entries {
      let path = value.path.isEmpty ? entry.key : "\(value.path).\(entry.key)"
      let at = Value(
        tree: Tree(content: .nothing, line: entry.line, column: entry.column), path: path)
      if let meaning = reserved[entry.key] {
        problem(at, "not yet: \(meaning)", "leave \(Quote(entry.key)) out", code: .notYet)
        continue
      }
      if let reason = misplaced[entry.key] {
        problem(at, reason, "remove \(Quote(entry.key)) here")
        continue
      }
      guard known.contains(entry.key) else {
        let near = NearestWord.to(entry.key, in: known + reserved.keys.sorted())
        problem(
          Value(tree: at.tree, path: value.path), "unknown key \(Quote(entry.key))",
          near.map { "did you mean \($0)?" } ?? "known keys here: \(Self.list(known))")
        continue
      }
      if case .nothing = entry.value.content {
        if optional.contains(entry.key) { continue }
        problem(at, "there is no value", "write one, or leave the key out")
        continue
      }
      places[path] = (entry.value.line, entry.value.column)
      fields[entry.key] = Value(tree: entry.value, path: path)
    }
    return fields
  }

  mutating func missing(_ key: String, in value: Value, _ suggestion: String) {
    guard case .map = value.tree.content else { return }
    problem(value, "\(Quote(key)) is missing", suggestion)
  }

  mutating func text(_ value: Value?) -> String? {
    guard let value else { return nil }
    guard case .text(let text) = value.tree.content else {
      problem(value, "expected a single value", "write text, not a list or further keys")
      return nil
    }
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
      problem(value, "\(Quote(text)) contains a control character")
      return nil
    }
    return text
  }

  /// A single value, read by `parse`; its error becomes a problem at this place.
  mutating func parsed<T>(_ value: Value?, _ parse: (String) throws(TelosError) -> T) -> T? {
    guard let value, let text = text(value) else { return nil }
    do throws(TelosError) {
      return try parse(text)
    } catch {
      problem(value, error.message, error.hint, code: error.code)
      return nil
    }
  }

  /// One of the raw values of an enumeration.
  mutating func choice<T: RawRepresentable & CaseIterable>(_ value: Value?, of type: T.Type) -> T?
  where T.RawValue == String {
    parsed(value) { text throws(TelosError) in
      if let choice = T(rawValue: text) { return choice }
      let words = T.allCases.map(\.rawValue)
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not one of \(Self.list(words))",
        hint: NearestWord.to(text, in: words).map { "did you mean \($0)?" }
          ?? "write \(words[0])")
    }
  }

  mutating func items(_ value: Value?) -> [Value] {
    guard let value else { return [] }
    guard case .list(let items) = value.tree.content else {
      problem(value, "expected a list", "write - ITEM on lines of their own, or [ITEM, …]")
      return []
    }
    return items.enumerated().map { index, item in
      let path = "\(value.path)[\(index)]"
      places[path] = (item.line, item.column)
      return Value(tree: item, path: path)
    }
  }

  static func list(_ words: [String]) -> String { words.joined(separator: ", ") }
}

/// Guesses what somebody meant to type.
enum NearestWord {
  static func to(_ word: String, in words: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let ranked = words.map { (distance(word.lowercased(), $0.lowercased()), $0) }
    guard let best = ranked.min(by: { $0.0 < $1.0 }), best.0 <= max(1, best.1.count / 3) else {
      return nil
    }
    return best.1
  }

  /// Letters added, left out, changed or swapped with their neighbour.
  private static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var rows = [Array(0...right.count)]
    for i in left.indices {
      var row = [i + 1]
      for j in right.indices {
        var best = min(rows[i][j + 1], row[j]) + 1
        best = min(best, rows[i][j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}
