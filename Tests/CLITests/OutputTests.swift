import Glibc
import TelosCore
import Testing

@testable import telos

@Suite("what is written, and where", .enabled(if: Binary.path != nil))
struct OutputTests {
  static let intent = """
    apiVersion: telos/v1
    kind: Intent
    metadata: {name: one}
    spec: {exec: {allow: [{path: /usr/bin/true}]}}
    """

  @Test func onAFullDeviceEveryCommandFails() throws {
    let file = try TemporaryFile(Self.intent)
    let key = try TemporaryFolder()
    #expect(try Binary.run(["key", "new", "--out", "\(key.path)/k"]).status == 0)
    let node = UnixServer { _ in UnixServer.status() }
    defer { node.stop() }
    let here = ["TELOS_SOCKET": node.path, "TELOS_CONFIG": "/tmp/no-such"]
    for words in [
      ["--help"], ["--version"], ["version"], ["version", "-o", "json"], ["help", "intent"],
      ["intent", "explain", file.path], ["intent", "explain", file.path, "-o", "json"],
      ["intent", "check", file.path], ["intent", "check", file.path, "-o", "json"],
      ["intent", "sign", file.path, "--key", "\(key.path)/k.key", "--out", "-"],
      ["key", "show", "\(key.path)/k.pub"], ["key", "new", "--out", "\(key.path)/l"],
      ["probe"], ["status"], ["status", "-o", "json"],
    ] {
      let outcome = try Binary.run(words, environment: here, output: "/dev/full")
      #expect(outcome.status == 1, "\(words): \(outcome.status) \(outcome.errors)")
      #expect(
        outcome.errors.contains("cannot write standard output: No space left on device"),
        "\(words): \(outcome.errors)")
    }
  }

  @Test(arguments: ["telos-coordinator", "telos-node"])
  func onAFullDeviceTheDaemonsAnswersFailToo(name: String) throws {
    let program = try #require(Binary.beside(name))
    let folder = try TemporaryFolder()
    var lines = [["--help"], ["--version"], ["help", "run"]]
    if name == "telos-coordinator" { lines.append(["init", "--data", "\(folder.path)/data"]) }
    for words in lines {
      let outcome = try Binary.run(words, program: program, output: "/dev/full")
      #expect(outcome.status == 1, "\(words)")
      #expect(outcome.errors.contains("cannot write standard output"), "\(words)")
      #expect(try Binary.run(["--help"], program: program).output.contains("USAGE: \(name)"))
    }
  }

  @Test func outLeavesDevicesAndLinksWhatTheyAre() throws {
    let folder = try TemporaryFolder()
    let file = try TemporaryFile(Self.intent)
    let key = "\(folder.path)/k"
    #expect(try Binary.run(["key", "new", "--out", key]).status == 0)
    func sign(_ out: String) throws -> Binary.Outcome {
      try Binary.run(["intent", "sign", file.path, "--key", "\(key).key", "--out", out])
    }
    // Whoever may make a device has one of his own; else the machine's stands in, which he cannot replace.
    let null = "\(folder.path)/null"
    if mknod(null, S_IFCHR | 0o666, 1 << 8 | 3) == 0 {
      #expect(try sign(null).status == 0)
      #expect(Self.kind(null) == S_IFCHR)
    }
    #expect(try sign("/dev/null").status == 0)
    #expect(Self.kind("/dev/null") == S_IFCHR)
    let full = try sign("/dev/full")
    #expect(full.status == 1 && full.errors.contains("No space left on device"))

    // Through a link, also one that leads to nothing yet.
    for target in ["there", "missing"] {
      let path = "\(folder.path)/\(target)"
      if target == "there" { try DurableFile.write(Array("old".utf8), to: path) }
      let link = "\(path).link"
      #expect(symlink(target, link) == 0)
      #expect(try sign(link).status == 0)
      #expect(Self.kind(link) == S_IFLNK)
      #expect(try DurableFile.read(path).starts(with: Array("{".utf8)), "\(target)")
    }
    let toNull = "\(folder.path)/null.link"
    #expect(symlink("/dev/null", toNull) == 0)
    #expect(try sign(toNull).status == 0)
    #expect(Self.kind(toNull) == S_IFLNK && Self.kind("/dev/null") == S_IFCHR)
    // Standard output under its other name.
    #expect(try sign("/dev/stdout").output.hasPrefix("{"))
    #expect(try sign(folder.path).errors.contains("is a directory"))
  }

  @Test(.enabled(if: getuid() == 0)) func outWritesIntoAFileThatIsAMountPoint() throws {
    let folder = try TemporaryFolder()
    let file = try TemporaryFile(Self.intent)
    let key = "\(folder.path)/k"
    #expect(try Binary.run(["key", "new", "--out", key]).status == 0)
    for name in ["below", "mount point"] {
      try DurableFile.write(Array("old".utf8), to: "\(folder.path)/\(name)")
    }
    let outcome = try Binary.run(
      [
        "-m", "sh", "-ec",
        """
        mount --bind '\(folder.path)/below' '\(folder.path)/mount point'
        \(try #require(Binary.path)) intent sign \(file.path) --key \(key).key --out '\(folder.path)/mount point'
        mountpoint -q '\(folder.path)/mount point'
        """,
      ], program: "/usr/bin/unshare")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try DurableFile.read("\(folder.path)/below").starts(with: Array("{".utf8)))
    #expect(try DurableFile.read("\(folder.path)/mount point") == Array("old".utf8))
  }

  @Test func aKeyIsNotWrittenOverALinkThatLeadsNowhere() throws {
    let folder = try TemporaryFolder()
    #expect(symlink("nothing", "\(folder.path)/k.key") == 0)
    let outcome = try Binary.run(["key", "new", "--out", "\(folder.path)/k"])
    #expect(outcome.errors.contains("exists already"))
    #expect(Self.kind("\(folder.path)/k.key") == S_IFLNK)
  }

  @Test func aPublicKeyReplacesNoLinkEither() throws {
    let folder = try TemporaryFolder()
    #expect(symlink("/dev/null", "\(folder.path)/k.pub") == 0)
    let outcome = try Binary.run(["key", "new", "--out", "\(folder.path)/k"])
    #expect(outcome.errors.contains("exists and is not a regular file"), "\(outcome.errors)")
    #expect(Self.kind("\(folder.path)/k.pub") == S_IFLNK && Self.kind("\(folder.path)/k.key") == 0)
  }

  static func kind(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
  }
}

/// A folder that goes away with the value, and with it the files in it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = "/tmp/telos-cli-folder-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    #expect(mkdir(path, 0o700) == 0)
  }

  deinit { _ = try? Binary.run(["-rf", "--one-file-system", path], program: "/bin/rm") }
}
