/// Aligned columns, one row a line.
struct Table {
  struct Column {
    var title: String
    var right = false
    /// May be cut, with an ellipsis, where the terminal is too narrow; nothing is ever cut in a pipe.
    var flexible = false
  }

  var columns: [Column]
  private(set) var rows: [[String]] = []

  /// Titles: a trailing `>` aligns to the right, a trailing `~` marks a column that may be cut.
  init(_ titles: String...) {
    columns = titles.map { title in
      switch title.last {
      case ">": Column(title: String(title.dropLast()), right: true)
      case "~": Column(title: String(title.dropLast()), flexible: true)
      default: Column(title: title)
      }
    }
  }

  /// Missing cells are empty; what would drive a terminal is spelled out.
  mutating func add(_ cells: String...) {
    rows.append(columns.indices.map { $0 < cells.count ? cells[$0].printable : "" })
  }

  /// The lines, titles first; no trailing blanks. `width`: of the terminal, nil for unlimited.
  func lines(width: Int?) -> [String] {
    let all = [columns.map(\.title)] + rows
    var widths = columns.indices.map { i in all.map { $0[i].count }.max() ?? 0 }
    if let width { shrink(&widths, to: width) }
    return all.map { row in
      var line = ""
      for (i, cell) in row.enumerated() {
        let cell = Self.cut(cell, to: widths[i])
        let padding = String(repeating: " ", count: widths[i] - cell.count)
        line += (i == 0 ? "" : "  ") + (columns[i].right ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// Prints the table, or `empty` when it has no rows.
  func print(empty: String) {
    guard !rows.isEmpty else { return Terminal.line(empty) }
    for line in lines(width: Terminal.columns) { Terminal.line(line) }
  }

  private func shrink(_ widths: inout [Int], to limit: Int) {
    let gaps = 2 * (columns.count - 1)
    while widths.reduce(gaps, +) > limit {
      let candidates = columns.indices.filter { columns[$0].flexible && widths[$0] > 12 }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
      widths[widest] -= 1
    }
  }

  private static func cut(_ cell: String, to width: Int) -> String {
    cell.count <= width ? cell : cell.prefix(max(0, width - 1)) + "…"
  }
}
