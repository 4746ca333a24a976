internal import TelosAPI

/// Events for people: the time, what happened, at which gate, to what, and why.
enum EventLines {
  /// The lines of one event, at most `width` columns wide.
  ///
  /// - Parameter origin: whether node and agent are shown as well.
  static func lines(_ event: Event, origin: Bool, indent: Int = 0, width: Int = 100) -> [String] {
    var head = String(repeating: " ", count: indent) + clock(event.at)
    if origin {
      head += "  " + pad(event.node.isEmpty ? "-" : event.node, 12) + "  " + pad(event.agent, 16)
    }
    head += "  " + pad(event.kind, 10) + "  " + pad(event.gate, 8) + "  "
    let margin = origin ? indent + 27 : head.count
    let first = wrap(event.object.printable, width: max(20, width - head.count))
    var lines = [head.printable + (first.first ?? "")]
    let space = String(repeating: " ", count: margin)
    lines += first.dropFirst().map { space + $0 }
    lines += wrap(explanation(event).printable, width: width - margin).map { space + $0 }
    return lines.map(Self.trimmed)
  }

  /// Why, and with which errno at which hook; several denials that were counted as one say how many.
  static func explanation(_ event: Event) -> String {
    var technical: [String] = []
    if !event.hook.isEmpty, event.hook != "none" { technical.append(event.hook) }
    if let name = ErrorNumber.name(event.error) { technical.append(name) }
    if event.count > 1 { technical.append("\(event.count) times") }
    let why = event.why
    if technical.isEmpty { return why }
    return (why.isEmpty ? "" : why + " ") + "(" + technical.joined(separator: ", ") + ")"
  }

  /// `12:00:00.123Z` of an RFC 3339 time; the text itself if it is none.
  static func clock(_ at: String) -> String {
    guard let mark = at.firstIndex(of: "T") else { return at.isEmpty ? "-" : at }
    return String(at[at.index(after: mark)...])
  }

  /// `2026-11-23` of an RFC 3339 time.
  static func day(_ at: String) -> String? {
    guard let mark = at.firstIndex(of: "T") else { return nil }
    return String(at[..<mark])
  }

  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}
