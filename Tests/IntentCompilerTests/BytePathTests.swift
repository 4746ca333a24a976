import Glibc
import Intents
import Kernel
import TelosCore
import Testing

@testable import IntentCompiler

@Suite("names that are told apart by their bytes")
struct BytePathTests {
  let sandbox: Sandbox
  static let composed = "/srv/app/\u{e9}"
  static let decomposed = "/srv/app/e\u{301}"
  static let odd = BytePath(bytes: Array("/srv/app/sub/a".utf8) + [0xff] + Array(".pem".utf8))

  init() throws { sandbox = try Sandbox() }

  @Test(
    "Of two files whose names differ by their normalisation alone, the one that the intent names is sensitive"
  )
  func sensitive() throws {
    sandbox.touch(BytePath(Self.composed))
    sandbox.touch(BytePath(Self.decomposed))
    for (named, other) in [
      (Self.composed, Self.decomposed), (Self.decomposed, Self.composed),
    ] {
      let result = try sandbox.compile("files: {sensitive: [{path: \"\(named)\"}]}")
      #expect(sandbox.rule(result, BytePath(named))?.flags == .critical)
      #expect(sandbox.rule(result, BytePath(other)) == nil)
      #expect(
        sandbox.rule(result, "/srv/app")?.tails.map(\.match) == [.name(BytePath(named).name)])
    }
  }

  @Test("Both can be named, each with what is said of it")
  func both() throws {
    sandbox.touch(BytePath(Self.composed))
    sandbox.touch(BytePath(Self.decomposed))
    let result = try sandbox.compile(
      "files: {sensitive: [{path: \"\(Self.composed)\"}, {path: \"\(Self.decomposed)\", level: warn}]}"
    )
    #expect(sandbox.rule(result, BytePath(Self.composed))?.flags == .critical)
    #expect(sandbox.rule(result, BytePath(Self.decomposed))?.flags == .warn)
    #expect(sandbox.rule(result, "/srv/app")?.tails.count == 2)
  }

  @Test("Two such folders are two folders to write in, and to look into")
  func folders() throws {
    for folder in [Self.composed, Self.decomposed] { sandbox.makeFolder(folder) }
    let result = try sandbox.compile(
      "files: {write: [\"\(Self.composed)/**\"], sensitive: [{path: \"\(Self.decomposed)/**\"}]}")
    #expect(sandbox.rule(result, BytePath(Self.composed))?.flags == .write)
    // Not in a folder that the agent may write, so nothing holds it where it is.
    #expect(sandbox.rule(result, BytePath(Self.decomposed))?.flags == .fixed)
    #expect(sandbox.rule(result, BytePath(Self.composed))?.tails.isEmpty == true)
    #expect(sandbox.rule(result, BytePath(Self.decomposed))?.tails.count == 1)
  }

  @Test("A name that is not UTF-8 is found by a walk, and where a link leads to it")
  func notText() throws {
    sandbox.touch(Self.odd)
    let plain = BytePath(bytes: Array("/srv/app/sub/b".utf8) + [0xfe])
    sandbox.touch(plain)
    let walk = try sandbox.compile("files: {sensitive: [{path: \"/srv/app/**/*.pem\"}]}")
    #expect(sandbox.rule(walk, Self.odd)?.flags == .critical)
    #expect(sandbox.rule(walk, Self.odd)?.path == #"/srv/app/sub/a\xff.pem"#)
    #expect(sandbox.rule(walk, plain) == nil)

    let link = BytePath("\(sandbox.root)/srv/app/link")
    #expect(Self.odd.withCString { target in link.withCString { symlink(target, $0) } } == 0)
    let through = try sandbox.compile("files: {sensitive: [{path: /srv/app/link}]}")
    #expect(sandbox.rule(through, Self.odd)?.flags == .critical)
    #expect(
      sandbox.rule(through, "/srv/app/sub")?.tails.map(\.match) == [.name(Self.odd.name)])
  }

  @Test("A glob of programs matches names that are not UTF-8")
  func glob() throws {
    let program = BytePath(bytes: Array("/usr/bin/cat".utf8) + [0xff])
    let (from, to) = (
      "\(sandbox.root)/usr/bin/cat", BytePath(bytes: sandbox.root.utf8 + program.bytes)
    )
    #expect(to.withCString { Glibc.link(from, $0) } == 0)
    unlink(from)
    let result = try sandbox.compile("", exec: "{allow: [{path: \"/usr/bin/cat*\"}]}")
    #expect(sandbox.rule(result, program)?.flags == .exec)
  }

  @Test("What is remembered of one is not said of the other")
  func memory() throws {
    sandbox.touch(BytePath(Self.composed))
    sandbox.touch(BytePath(Self.decomposed))
    usleep(2_100_000)
    var context = sandbox.context()
    context.memory = CompileMemory()
    for path in [Self.composed, Self.decomposed, Self.composed] {
      var intent = Intent(
        name: "x", exec: Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/usr/bin/cat"))])
      )
      intent.files.sensitive = [
        Intent.SensitiveFile(path: try PathPattern(PathPattern.escaped(path), use: .sensitive))
      ]
      let rules = try IntentCompiler.compile(intent, in: context).files
      let critical = rules.filter { $0.flags.contains(.critical) }
      #expect(critical.flatMap(\.identities) == [sandbox.identity(BytePath(path))])
    }
  }
}
