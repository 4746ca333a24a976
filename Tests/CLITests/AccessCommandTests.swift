import Glibc
import TelosAPI
import TelosCore
import Testing

@testable import telos

@Suite("access to a coordinator", .enabled(if: Binary.beside("telos-coordinator") != nil))
struct AccessCommandTests {
  @Test func accessIsGrantedListedAndRevoked() throws {
    let coordinator = try RunningCoordinator()
    let admin = try coordinator.login("admin", tokenFile: "\(coordinator.data)/admin.token")
    #expect(admin.output.contains("you are admin, operator, with no expiry"))
    let file = "\(coordinator.folder.path)/ana.token"
    let grant = ["access", "grant", "ana", "--role", "viewer", "--ttl", "1h", "--out", file]
    let made = try Binary.run(grant, environment: admin.environment)
    #expect(made.status == 0, "\(made.errors)")
    var status = stat()
    #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
    let secret = String(decoding: try SecretFile.read(file), as: UTF8.self).filter { $0 != "\n" }
    #expect(!made.output.contains(secret) && secret.hasPrefix("telos_"))

    let ana = try coordinator.login("ana", tokenFile: file)
    #expect(ana.output.contains("you are ana, viewer, until 2"))
    #expect(try Binary.run(["node", "list"], environment: ana.environment).status == 0)
    for words in [
      ["node", "ban", "n1"], ["access", "list"], ["node", "token", "--root", file],
      ["blocklist", "add", "192.0.2.1"],
    ] {
      let refused = try Binary.run(words, environment: ana.environment)
      #expect(refused.status != 0, "\(words)")
      if words[1] != "token" {
        #expect(refused.status == 77 && refused.errors.contains("ana is a viewer"), "\(words)")
      }
    }

    // A file that is there is not written over, and no token is made for it.
    let again = try Binary.run(
      ["access", "grant", "eve", "--role", "viewer", "--out", file], environment: admin.environment)
    #expect(again.status == 1 && again.errors.contains("exists already"))
    let list = try Binary.run(["access", "list", "-o", "json"], environment: admin.environment)
    let grants = try JSONInput.decode(
      [AccessGrant].self, from: Array(list.output.utf8), what: "the list")
    #expect(grants.map(\.name) == ["admin", "ana"])
    #expect(!list.output.contains(secret))

    let revoked = try Binary.run(["access", "revoke", "ana"], environment: admin.environment)
    #expect(revoked.status == 0, "\(revoked.errors)")
    #expect(try Binary.run(["node", "list"], environment: ana.environment).status == 77)
    let last = try Binary.run(["access", "revoke", "admin"], environment: admin.environment)
    #expect(last.status == 1 && last.errors.contains("the last operator's token"))
  }

  @Test func ofTokensWithOneNameTheIdSaysWhich() throws {
    let grants = ["1", "2"].map {
      AccessGrant(
        id: $0, name: "admin", role: "operator", created: "", createdBy: "init", expires: nil,
        expired: false)
    }
    let error = #expect(throws: TelosError.self) {
      try AccessCommand.Revoke.id(of: "admin", among: grants)
    }
    #expect(error?.hint?.contains("1, 2") == true)
    #expect(try AccessCommand.Revoke.id(of: "2", among: grants) == "2")
  }
}
