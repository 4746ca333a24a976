internal import Glibc

/// CMD and its arguments as the bytes that they are: a program's arguments need not be text in any encoding.
struct CommandWords {
  /// Ends in nil, as execv(3) takes it; lives as long as the process.
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  let count: Int

  /// What follows the first `--` of this process's own arguments, uncopied; nil if there is none.
  static func ofProcess() -> CommandWords? {
    let all = CommandLine.unsafeArgv
    let count = Int(CommandLine.argc)
    guard let end = (1..<max(count, 1)).first(where: { all[$0].map { strcmp($0, "--") } == 0 })
    else {
      return nil
    }
    return CommandWords(pointers: all + end + 1, count: count - end - 1)
  }

  private init(pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, count: Int) {
    self.pointers = pointers
    self.count = count
  }

  init(_ words: [String]) {
    pointers = .allocate(capacity: words.count + 1)
    for (i, word) in words.enumerated() { pointers.advanced(by: i).initialize(to: strdup(word)) }
    pointers.advanced(by: words.count).initialize(to: nil)
    count = words.count
  }

  /// The name of the command; nil if there is none.
  var name: [CChar]? {
    guard count > 0, let first = pointers[0] else { return nil }
    return Array(UnsafeBufferPointer(start: first, count: strlen(first) + 1))
  }

  /// The same arguments as those of a script at `path` that /bin/sh runs.
  func ofShell(running path: [CChar]) -> CommandWords {
    let shell = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: count + 2)
    shell[0] = strdup("/bin/sh")
    shell[1] = path.withUnsafeBufferPointer { $0.baseAddress.flatMap { strdup($0) } }
    // The nil at the end comes along.
    for index in 1...max(count, 1) { shell[index + 1] = pointers[index] }
    return CommandWords(pointers: shell, count: count + 1)
  }
}
