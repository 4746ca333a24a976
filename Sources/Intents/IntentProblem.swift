public import TelosCore

/// One thing wrong with an intent, where it is, and what to write instead.
public struct IntentProblem: Sendable, Hashable, Codable {
  /// From 1; 0 where there are no lines (a signed payload, which is one).
  public var line: Int
  /// From 1; 0 as above.
  public var column: Int
  /// As `spec.exec.allow[0].path`; empty for the whole document.
  public var path: String
  /// One sentence without a final stop.
  public var message: String
  public var suggestion: String?
  /// `not-yet` for what a later version will understand, else `invalid-argument`.
  public var code: TelosError.Code

  public init(
    line: Int = 0, column: Int = 0, path: String, message: String, suggestion: String? = nil,
    code: TelosError.Code = .invalidArgument
  ) {
    self.line = line
    self.column = column
    self.path = path
    self.message = message
    self.suggestion = suggestion
    self.code = code
  }
}

extension IntentProblem: CustomStringConvertible {
  /// `line 12:5: spec.exec.allow[0].path: …; suggestion`.
  public var description: String {
    let place = line > 0 ? "line \(line):\(column): " : ""
    let key = path.isEmpty ? "" : "\(path): "
    return "\(place)\(key)\(message)" + (suggestion.map { "; \($0)" } ?? "")
  }
}

/// All problems of an intent, in the order of the document; never empty.
public struct IntentProblems: Error, Sendable, Hashable, CustomStringConvertible {
  public var problems: [IntentProblem]

  public init(_ problems: [IntentProblem]) { self.problems = problems }

  /// One problem a line.
  public var description: String { problems.map(\.description).joined(separator: "\n") }

  /// As the error of a command about `file`; `not-yet` only if nothing else is wrong.
  public func telosError(file: String) -> TelosError {
    let code: TelosError.Code =
      problems.allSatisfy { $0.code == .notYet } ? .notYet : .invalidArgument
    if problems.count == 1, let problem = problems.first {
      var bare = problem
      bare.suggestion = nil
      return TelosError(code, "\(file): \(bare)", hint: problem.suggestion)
    }
    let lines = problems.map { "\n  \($0)" }.joined()
    return TelosError(code, "\(file): \(problems.count) problems\(lines)")
  }
}
