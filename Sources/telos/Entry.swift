internal import ArgumentParser
internal import Glibc
internal import TelosCore
internal import Trust

/// Where the process begins: parse, run, turn what was thrown into a message and an exit status.
///
/// Synchronous commands run here, on the only thread there is; `telos run` depends on that. The async
/// runtime and its threads exist only once an asynchronous command was chosen.
enum Entry {
  static func main() -> Never {
    do {
      let words = words
      if let run = RunWords(words), let command = CommandWords.ofProcess() {
        try Launcher(intent: run.intent, ttl: run.ttl, command: command, verbose: run.verbose).run()
      }
      var command = try Telos.parse(words)
      if let command = command as? any AsyncParsableCommand { wait(for: command) }
      try command.run()
      Terminal.finish()
      exit(0)
    } catch {
      exit(report(error))
    }
  }

  /// The command line as text, of `run` no more than the first word of CMD: the rest is neither text nor ours to read.
  private static var words: [String] {
    let count = Int(CommandLine.argc)
    var words: [String] = []
    for index in 1..<max(count, 1) {
      guard let word = CommandLine.unsafeArgv[index] else { break }
      words.append(String(cString: word))
      if words.first == "run", words.count > 1, words[words.count - 2] == "--" { break }
    }
    return words
  }

  private static func wait(for command: any AsyncParsableCommand) -> Never {
    let parsed = Parsed(command: command)
    Task.detached {
      var command = parsed.command
      do {
        try await command.run()
        Terminal.finish()
        exit(0)
      } catch {
        exit(report(error))
      }
    }
    while true { pause() }
  }

  /// Commands are values that this thread gives away and never touches again.
  private struct Parsed: @unchecked Sendable { var command: any AsyncParsableCommand }

  /// Prints `error` and answers the exit status that goes with it.
  static func report(_ error: any Error) -> Int32 {
    if let error = error as? LaunchFailure {
      StandardError.report(error.error, of: "telos")
      return error.status
    }
    if let error = error as? TelosError {
      StandardError.report(error, of: "telos")
      return error.exitCode
    }
    if let error = error as? Refusal { return report(error.telosError) }
    let status = Telos.exitCode(for: error)
    let text = Telos.fullMessage(for: error)
    guard !text.isEmpty else { return status.rawValue }
    if status.isSuccess {
      Terminal.line(text)
    } else {
      let prefix = "Error: "
      StandardError.line(
        "telos: " + (text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text))
    }
    return status.rawValue
  }
}
