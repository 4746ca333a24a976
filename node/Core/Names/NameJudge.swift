internal import NameVerdicts
internal import TelosCore

/// What a name looks like that only a wildcard permits. The agent chose it.
enum NameJudge {
  /// Loaded for the first such name.
  private static let list: Result<WatchList, TelosError> = {
    do throws(TelosError) { return .success(try .builtIn()) } catch { return .failure(error) }
  }()

  /// Why it is refused; nil where it is not. Without ICU and libpsl nothing can be judged, and so nothing is permitted.
  static func objection(to name: String) -> String? {
    switch list {
    case .failure(let error): return "names below a wildcard cannot be judged: \(error.message)"
    case .success(let list):
      let verdict = NameVerdict(judging: name, with: list)
      return verdict.kind == .trick ? verdict.summary : nil
    }
  }
}
