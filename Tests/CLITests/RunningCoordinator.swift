import Testing

/// A real coordinator on loopback with a data folder of its own, for as long as the value lives.
final class RunningCoordinator {
  let folder: TemporaryFolder
  let data: String
  /// Of the HTTP API.
  let port: UInt16
  private let running: Running

  init() throws {
    folder = try TemporaryFolder()
    data = "\(folder.path)/data"
    port = try CoordinatorAwayTests.freePort()
    let program = try #require(Binary.beside("telos-coordinator"))
    let made = try Binary.run(["init", "--data", data, "--name", "127.0.0.1"], program: program)
    #expect(made.status == 0, "\(made.errors)")
    let running = try Running(
      [
        "run", "--data", data, "--sync", "127.0.0.1:0", "--enrolment", "127.0.0.1:0", "--api",
        "127.0.0.1:\(port)", "--operations", "127.0.0.1:0",
      ], program: program)
    self.running = running
    #expect(eventually { running.errors.text.contains("ready") }, "\(running.errors.text)")
  }

  /// A configuration of somebody with this token.
  ///
  /// - Returns: the environment of her commands, and what `telos login` printed.
  func login(_ name: String, tokenFile: String) throws -> (
    environment: [String: String], output: String
  ) {
    let environment = ["TELOS_CONFIG": "\(folder.path)/config-\(name)"]
    let login = try Binary.run(
      [
        "login", "--coordinator", "https://127.0.0.1:\(port)", "--ca", "\(data)/online.json",
        "--token-file", tokenFile,
      ], environment: environment)
    #expect(login.status == 0, "\(login.errors)")
    return (environment, login.output)
  }
}
