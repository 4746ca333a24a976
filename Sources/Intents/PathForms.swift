internal import TelosCore

extension PathPattern {
  /// Reads what follows the anchor.
  ///
  /// - Parameter anchor: as an intent writes it.
  static func form(of tail: ArraySlice<PathName>, anchor: String, text: String) throws(TelosError)
    -> Form
  {
    let root = anchor == "/" ? "" : anchor
    let tail = Array(tail)
    switch tail.count {
    case 0: return .literal
    case 1 where tail[0].text == "**": return .descendants(.any)
    case 1: return .children(try match(tail[0], text, advice: "\(root)/**"))
    case 2 where tail[0].text == "**":
      guard tail[1].text != "**" && tail[1].text != "*" else {
        throw unsupported(text, "\(root)/**")
      }
      return .descendants(try match(tail[1], text, advice: "\(root)/**/NAME"))
    default:
      let last = tail[tail.count - 1]
      let simple = (try? match(last, text, advice: "")) != nil
      throw unsupported(
        text, simple && last.text != "*" ? "\(root)/**/\(last.text)" : "\(root)/**")
    }
  }

  private static func match(_ name: PathName, _ text: String, advice: String)
    throws(TelosError) -> Match
  {
    guard name.others.isEmpty else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) uses a wildcard other than *",
        hint:
          "only * and ** are understood here: write one entry for each name, or \(advice); a \\ before it makes it part of the name"
      )
    }
    let parts = name.parts
    switch parts.count {
    case 1: return .name(BytePath(name.plain))
    case 2 where parts == ["", ""]: return .any
    case 2 where parts[0].isEmpty: return .suffix(BytePath(try short(parts[1], text)))
    case 2 where parts[1].isEmpty: return .prefix(BytePath(try short(parts[0], text)))
    default:
      let first = escaped(parts[0])
      let last = escaped(parts[parts.count - 1])
      throw unsupported(text, first.isEmpty ? "…/*\(last)" : "…/\(first)*")
    }
  }

  private static func short(_ part: String, _ text: String) throws(TelosError) -> String {
    guard part.utf8.count <= maximumText else {
      throw TelosError(
        .invalidArgument,
        "\(Quote(text)) has more than \(maximumText) bytes beside its wildcard",
        hint: "shorten \(Quote(part)) to at most \(maximumText) bytes")
    }
    return part
  }

  private static func unsupported(_ text: String, _ advice: String) -> TelosError {
    TelosError(
      .invalidArgument, "\(Quote(text)) is not a form that the kernel can decide",
      hint:
        "write \(advice); the forms are DIR/*, DIR/*.ext, DIR/pre*, DIR/**, DIR/**/NAME, DIR/**/*.ext and DIR/**/pre*"
    )
  }

  static func check(_ pattern: PathPattern, _ use: Use) throws(TelosError) {
    let anchor = pattern.anchor
    switch use {
    case .sensitive:
      guard pattern.anchor != "/" || ![.literal, .descendants(.any)].contains(pattern.form) else {
        throw TelosError(
          .invalidArgument, "\(Quote(pattern.description)) would make every file sensitive",
          hint: "name the folder that holds secrets, or a file name as /**/.env")
      }
    case .write, .own, .keep:
      let key = use.rawValue
      guard pattern.form == .descendants(.any) || (use != .own && pattern.form == .literal)
      else {
        throw TelosError(
          .invalidArgument, "\(Quote(pattern.description)) cannot stand under \(key)",
          hint: use != .own
            ? "write \(anchor == "/" ? "/DIR" : escaped(anchor))/** for a whole folder, or the path of one file"
            : "write \(anchor == "/" ? "/DIR" : escaped(anchor))/**")
      }
      try checkRoot(pattern, key)
    }
  }

  private static func checkRoot(_ pattern: PathPattern, _ key: String) throws(TelosError) {
    let anchor = pattern.anchor
    guard anchor != "/" else {
      throw TelosError(
        .invalidArgument, "\(Quote(pattern.description)) is the whole file system",
        hint: "name the folder that the agent works in, for example /srv/work/**")
    }
    for special in ["/proc", "/sys", "/dev"] where anchor == special || isBelow(anchor, special) {
      guard special == "/dev", pattern.form == .literal, anchor != special else {
        throw TelosError(
          .invalidArgument, "\(Quote(pattern.description)) lies in \(special)",
          hint: special == "/dev"
            ? "name single device files; null, zero, full, random and the own terminal need no entry"
            : "nothing there can be opened for writing; leave the entry out")
      }
    }
    for ours in ["/etc/telos", "/var/lib/telos", "/var/lib/telos-coordinator", "/run/telos"]
    where anchor == ours || isBelow(anchor, ours) {
      throw TelosError(
        .invalidArgument, "\(Quote(pattern.description)) belongs to Telos itself",
        hint: "leave the entry out")
    }
    for device in ["/dev/mem", "/dev/kmem", "/dev/port"] where anchor == device {
      throw TelosError(
        .invalidArgument, "\(Quote(device)) is the machine's memory: it would undo every gate",
        hint: "leave the entry out")
    }
  }
}
