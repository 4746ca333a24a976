public import ArgumentParser
internal import Glibc
internal import TelosCore

extension AsyncParsableCommand {
  /// Where a daemon's program begins: parses the command line, runs the command that it names, and turns what was thrown into a
  /// message on standard error and an exit status. An answer that could not be written is a failure.
  public static func runProgram() async {
    // A peer that goes away must not end a daemon.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      try StandardOutput.finish()
    } catch let error as TelosError {
      end(with: error)
    } catch  where exitCode(for: error).isSuccess {
      // Help and the version are answers too.
      do throws(TelosError) {
        try StandardOutput.write(fullMessage(for: error) + "\n")
        try StandardOutput.finish()
      } catch {
        end(with: error)
      }
    } catch {
      exit(withError: error)
    }
  }

  private static func end(with error: TelosError) -> Never {
    StandardError.report(error, of: configuration.commandName ?? "telos")
    Glibc.exit(error.exitCode)
  }
}
