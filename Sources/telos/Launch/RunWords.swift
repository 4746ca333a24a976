/// The words of `telos run` in their usual form, read without the parser of all commands: every agent's start waits for it,
/// and a parser that asks the runtime for conformances takes most of that time.
///
/// Nil for anything else: help, mistakes and rarer spellings are the parser's.
struct RunWords: Equatable {
  var intent: String
  var ttl: UInt64?
  var verbose = false

  /// - Parameter words: of the command line, without the program's name, up to the first word of CMD.
  init?(_ words: [String]) {
    guard words.first == "run", words.count >= 4, words[words.count - 2] == "--" else { return nil }
    var options = words[1..<words.count - 2]
    var name: String?
    while let word = options.popFirst() {
      switch word {
      case "--verbose", "-v": verbose = true
      case "--intent":
        guard name == nil, let value = options.popFirst(), !value.hasPrefix("-") else { return nil }
        name = value
      case "--ttl":
        guard ttl == nil, let value = options.popFirst(), let length = TTL(argument: value) else {
          return nil
        }
        ttl = length.seconds
      default: return nil
      }
    }
    guard let name else { return nil }
    intent = name
  }
}
