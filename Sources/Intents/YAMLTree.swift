internal import Yams

/// Reads YAML into a ``Tree``: one document, no anchors, no duplicate keys, bounded.
enum YAMLTree {
  static let maximumBytes = 1 << 20
  static let maximumDepth = 16
  /// More than an honest file has by accident, fewer than a bomb needs.
  static let maximumAliases = 16

  static func read(_ text: String) throws(IntentProblems) -> Tree {
    guard text.utf8.count <= maximumBytes else {
      throw whole("the document is larger than 1 MiB", "split it into several intents")
    }
    guard countAliases(text) <= maximumAliases else {
      throw whole("the document uses aliases (*NAME)", "write each value out, and globs in quotes")
    }
    do {
      // The parser keeps anchors alive; nodes only refer to them weakly.
      let parser = try Yams.Parser(yaml: text)
      let root = try parser.singleRoot()
      defer { withExtendedLifetime(parser) {} }
      guard let root else {
        throw whole("the document is empty", "start with apiVersion: telos/v1")
      }
      return try convert(root, depth: 0)
    } catch let problems as IntentProblems {
      throw problems
    } catch {
      throw IntentProblems([problem(error, text)])
    }
  }

  private static func whole(_ message: String, _ suggestion: String) -> IntentProblems {
    IntentProblems([
      IntentProblem(line: 1, column: 1, path: "", message: message, suggestion: suggestion)
    ])
  }

  private static func convert(_ node: Node, depth: Int) throws(IntentProblems) -> Tree {
    let line = node.mark?.line ?? 1
    let column = node.mark?.column ?? 1
    func fail(_ message: String, _ suggestion: String) -> IntentProblems {
      IntentProblems([
        IntentProblem(
          line: line, column: column, path: "", message: message, suggestion: suggestion)
      ])
    }
    guard depth < maximumDepth else {
      throw fail("the document is nested too deep", "no intent needs this much nesting")
    }
    guard node.anchor == nil else {
      throw fail("anchors and aliases are not understood", "write the value out in each place")
    }
    switch node {
    case .scalar(let scalar):
      let empty = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
      return Tree(content: empty ? .nothing : .text(scalar.string), line: line, column: column)
    case .sequence(let sequence):
      var items: [Tree] = []
      for item in sequence { items.append(try convert(item, depth: depth + 1)) }
      return Tree(content: .list(items), line: line, column: column)
    case .mapping(let mapping):
      var entries: [Tree.Entry] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key, key.anchor == nil else {
          throw fail("a key is not plain text", "write KEY: VALUE")
        }
        entries.append(
          Tree.Entry(
            key: name.string, line: key.mark?.line ?? line, column: key.mark?.column ?? column,
            value: try convert(value, depth: depth + 1)))
      }
      return Tree(content: .map(entries), line: line, column: column)
    case .alias:
      throw fail("anchors and aliases are not understood", "write the value out in each place")
    }
  }

  /// Counts what may be an alias, quoted or not: nested ones cost the parser time exponential in their number.
  private static func countAliases(_ text: String) -> Int {
    var count = 0
    var previous = UInt8(ascii: "\n")
    var beforeStar = false
    for byte in text.utf8 {
      let isName =
        byte > 0x7f || (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte & 0xdf)
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      if beforeStar, isName { count += 1 }
      beforeStar = byte == UInt8(ascii: "*") && " \n\t\r[{,:?-".utf8.contains(previous)
      previous = byte
    }
    return count
  }

  /// The value that begins with * or & and ends a scanner there, as `*.example.org` does.
  private static func unquoted(before mark: Mark, _ text: String) -> Substring? {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.indices.contains(mark.line - 1), mark.column >= 2 else { return nil }
    let value = lines[mark.line - 1].dropFirst(mark.column - 2)
    guard value.first == "*" || value.first == "&" else { return nil }
    return value.prefix { !" ,]}\r\"".contains($0) }
  }

  private static func problem(_ error: any Error, _ text: String) -> IntentProblem {
    func at(_ mark: Mark, _ message: String, _ suggestion: String? = nil) -> IntentProblem {
      IntentProblem(
        line: max(mark.line, 1), column: max(mark.column, 1), path: "", message: message,
        suggestion: suggestion)
    }
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
      if let value = unquoted(before: mark, text) {
        return at(
          mark, "not YAML: a value that begins with \(value.prefix(1)) must be quoted",
          "write \(Quote(value))")
      }
      return at(mark, "not YAML: \(problem)", "check indentation, colons and quotes here")
    case .composer(_, let problem, let mark, _):
      return problem.contains("another document")
        ? at(mark, "there is more than one document", "write one intent per file")
        : at(
          mark, "not YAML: \(problem)",
          "a value that begins with * or & must be quoted")
    case .duplicatedKeysInMapping(let keys, let context):
      return at(
        context.mark, "duplicate key \(Quote(keys.first ?? ""))",
        "keep one of the two")
    case .reader(let problem, let offset, _, _):
      let before = text.utf8.prefix(offset ?? 0)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      return IntentProblem(line: line, column: 1, path: "", message: "not YAML: \(problem)")
    default:
      return IntentProblem(line: 1, column: 1, path: "", message: "invalid YAML")
    }
  }
}
