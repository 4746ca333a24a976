import Glibc
import TelosCore
import Testing

@testable import telos

@Suite("exit statuses and messages", .enabled(if: Binary.path != nil))
struct BinaryTests {
  /// The public certificate of an authority that signs nothing; its key is gone.
  static let authority = """
    -----BEGIN CERTIFICATE-----
    MIIBmDCCAT+gAwIBAgIUFDYFQJTWMSKuB2TO3lFtXpq8U/swCgYIKoZIzj0EAwIw
    ITEfMB0GA1UEAwwWYW4gYXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yNjExMjMxMzAz
    NDVaGA8yMTI2MTAzMDEzMDM0NVowITEfMB0GA1UEAwwWYW4gYXV0aG9yaXR5IGZv
    ciB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKXrmaExu5CYzTD8NMK/
    wdM7IFzl8GdVbmx6M/e/qDRXRip0wARvqZybyscEkkRHSiAJKfyF/dwEPPK+QdA/
    pW2jUzBRMB0GA1UdDgQWBBS+WWRgEwss/pV85AlgHfXbK9wHijAfBgNVHSMEGDAW
    gBS+WWRgEwss/pV85AlgHfXbK9wHijAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
    BAMCA0cAMEQCIBR3fZYQ7XOc1xPpPfsByFVh26zpmTm1uixI4xq0x7dGAiAQxe4H
    lSQQTVfHwXv35ihb85HpPQQ3YcTS6JI1Kdu9zg==
    -----END CERTIFICATE-----
    """

  @Test func helpGoesToStandardOutputWithStatus0() throws {
    for words in [[], ["--help"], ["intent"], ["run", "--help"], ["help", "blocklist", "import"]] {
      let outcome = try Binary.run(words)
      #expect(outcome.status == 0, "\(words)")
      #expect(outcome.output.contains("USAGE: telos"), "\(words)")
      #expect(outcome.errors.isEmpty)
    }
  }

  @Test func theVersionIsPrinted() throws {
    for words in [["--version"], ["version"]] {
      #expect(try Binary.run(words).output == "telos \(TelosVersion.current)\n")
    }
    #expect(try Binary.run(["version", "-o", "json"]).output.contains(TelosVersion.current))
  }

  @Test func badInputIs64AndSaysTelos() throws {
    let run = try Binary.run(["run", "--intent", "x"])
    #expect(run.status == 64)
    #expect(run.errors.hasPrefix("telos: put the command after --"))
    #expect(try Binary.run(["intent", "simulate"]).status == 64)
    let address = try Binary.run(["blocklist", "add", "not-an-address"])
    #expect(address.status == 64)
    #expect(address.errors.hasPrefix("telos: "))
  }

  @Test func withoutAConfigurationTheMessageNamesLogin() throws {
    let outcome = try Binary.run(["node", "list"], environment: ["TELOS_CONFIG": "/tmp/no-such"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("no coordinator is configured"))
    #expect(outcome.errors.contains("→ telos login"))
  }

  @Test func aCoordinatorThatIsNotThereIs69() throws {
    let folder = "/tmp/telos-cli-config-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let authority = try TemporaryFile(Self.authority)
    let token = try TemporaryFile("t0ken\n")
    let environment = ["TELOS_CONFIG": folder]
    let login = try Binary.run(
      [
        "login", "--coordinator", "https://127.0.0.1:1", "--ca", authority.path, "--token-file",
        token.path, "--offline",
      ], environment: environment)
    #expect(login.status == 0, "\(login.errors)")
    defer {
      for name in ["config.json", "ca.pem", "token"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    var status = stat()
    #expect(stat("\(folder)/token", &status) == 0 && status.st_mode & 0o777 == 0o600)
    let outcome = try Binary.run(["node", "list"], environment: environment)
    #expect(outcome.status == 69)
    #expect(outcome.errors.contains("cannot reach the coordinator at https://127.0.0.1:1"))
    #expect(outcome.errors.contains("connection refused"))
  }

  @Test func aTokenThatOthersCanReadIsRefusedWith77() throws {
    let authority = try TemporaryFile(Self.authority)
    let token = try TemporaryFile("t0ken\n", mode: 0o644)
    let outcome = try Binary.run(
      [
        "login", "--coordinator", "https://127.0.0.1:1", "--ca", authority.path, "--token-file",
        token.path, "--offline",
      ], environment: ["TELOS_CONFIG": "/tmp/telos-never"])
    #expect(outcome.status == 77)
    #expect(outcome.errors.contains("chmod 600"))
  }

  @Test(arguments: [
    "http://host:7445", "host:7445", "https://", "https://host/path", "https://u@h",
  ])
  func anAddressThatIsNoCoordinatorsIsRefused(text: String) {
    #expect(throws: TelosError.self) { try Access.address(text) }
  }

  @Test func aDurationWithoutAUnitIsRefusedWithTheOneToWrite() throws {
    let outcome = try Binary.run(
      ["blocklist", "add", "192.0.2.1", "--wait", "--timeout", "60"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("write 60s for 60 seconds"), "\(outcome.errors)")
    for words in [
      ["run", "--intent", "x", "--ttl", "3600", "--", "true"],
      ["node", "token", "--ttl", "3600"],
    ] {
      #expect(try Binary.run(words).errors.contains("write 3600s"), "\(words)")
    }
    #expect(
      try Binary.run(["node", "token", "--ttl", "soon"]).errors.contains("as 90s, 15m, 1h30m or 7d")
    )
  }

  @Test func withoutAHomeTheNodeOfThisMachineAnswers() throws {
    let server = UnixServer { _ in UnixServer.status() }
    defer { server.stop() }
    let outcome = try Binary.run(["status"], environment: ["TELOS_SOCKET": server.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("enforcing"))
  }
}
