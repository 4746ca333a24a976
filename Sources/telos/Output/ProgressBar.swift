internal import TelosCore

/// How far a roll-out is, on standard error: one line that is redrawn on a terminal, else a line a change.
struct ProgressBar {
  var title: String
  private var last = ""

  init(_ title: String) { self.title = title }

  /// The line for `done` of `total`; refused nodes count towards neither end.
  static func text(_ title: String, done: Int, total: Int, refused: Int, width: Int = 24) -> String
  {
    let filled = total == 0 ? width : min(width, width * done / total)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let noun = total == 1 ? "node" : "nodes"
    let refusals = refused == 0 ? "" : ", \(refused) refused"
    return "\(title) \(bar) held by \(done)/\(total) \(noun)\(refusals)"
  }

  mutating func show(done: Int, total: Int, refused: Int) {
    let text = Self.text(title, done: done, total: total, refused: refused)
    guard text != last else { return }
    last = text
    StandardError.write(Terminal.errorIsTerminal ? "\r\u{1b}[K\(text)" : "\(text)\n")
  }

  func finish() { if Terminal.errorIsTerminal && !last.isEmpty { StandardError.write("\n") } }
}
