/// What a rule found, before it is put into words.
struct Finding {
  enum Detail {
    case none
    case edit(Edit)
    /// The part of the name that matters.
    case part(String)
  }

  var rule: Reason.Rule
  /// The number of the watched name.
  var name: Int?
  var weight: Int
  var detail = Detail.none
}

/// The findings about one name: per rule the heaviest, and of equal ones that about the name that comes first in the list.
struct Findings {
  static let most = 3

  private(set) var all: [Finding] = []

  mutating func add(_ finding: Finding) {
    guard let index = all.firstIndex(where: { $0.rule == finding.rule }) else {
      return all.append(finding)
    }
    let old = all[index]
    if finding.weight > old.weight
      || finding.weight == old.weight && (finding.name ?? 0) < (old.name ?? 0)
    {
      all[index] = finding
    }
  }

  /// The heaviest first; what a heavier one says about the same watched name already is left out where it adds nothing.
  var heaviest: [Finding] {
    let order = Reason.Rule.allCases
    let sorted = all.sorted {
      ($0.weight, order.firstIndex(of: $1.rule) ?? 0) > (
        $1.weight, order.firstIndex(of: $0.rule) ?? 0
      )
    }
    return Array(sorted.prefix(Self.most))
  }
}
