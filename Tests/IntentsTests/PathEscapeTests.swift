import Intents
import TelosCore
import Testing

@Suite("wildcards that are part of a name")
struct PathEscapeTests {
  @Test("A backslash takes the meaning of a wildcard away, in every form")
  func patterns() throws {
    for (text, anchor, form) in [
      (#"/srv/a\*b"#, "/srv/a*b", PathPattern.Form.literal),
      (#"/srv/\[x\]/y"#, "/srv/[x]/y", .literal),
      (#"/srv/\{a,b\}/**"#, "/srv/{a,b}", .descendants(.any)),
      (#"/srv/a\\b"#, #"/srv/a\b"#, .literal),
      (#"/srv/\*\*"#, "/srv/**", .literal),
      (#"/srv/**/\[key\]"#, "/srv", .descendants(.name("[key]"))),
      (#"/srv/*\?.pem"#, "/srv", .children(.suffix("?.pem"))),
      (#"/srv/\{id\}_*"#, "/srv", .children(.prefix("{id}_"))),
    ] {
      let pattern = try PathPattern(text, use: .sensitive)
      #expect(pattern.anchor == anchor, "\(text)")
      #expect(pattern.form == form, "\(text)")
      #expect(pattern.description == text)
    }
    #expect(try PathPattern(#"/srv/a\*b"#, use: .sensitive).matches("/srv/a*b"))
    #expect(try !PathPattern(#"/srv/a\*b"#, use: .sensitive).matches("/srv/axb"))
  }

  @Test("A backslash before anything else is refused, and so is one that ends a name")
  func stray() {
    for text in [#"/srv/a\b"#, #"/srv/a\"#, #"/srv/a\/b"#, #"/srv/\n"#] {
      do throws(TelosError) {
        _ = try PathPattern(text, use: .sensitive)
        Issue.record("\(text) was accepted")
      } catch {
        #expect(error.message.contains("backslash"), "\(error)")
        #expect(error.hint?.contains(#"write \\ for a backslash"#) == true, "\(error)")
      }
      #expect(throws: TelosError.self) { try ExecPath(text) }
    }
  }

  @Test("Whatever a path is, it can be written, and means itself alone")
  func escaping() throws {
    for path in [
      "/srv/plain", "/srv/a*b?", "/srv/[", "/srv/{x}/]", #"/srv/\"#, "/srv/**/x", "/srv/ä [1]",
    ] {
      let pattern = try PathPattern(PathPattern.escaped(path), use: .sensitive)
      #expect(pattern.form == .literal && pattern.anchor == path, "\(path)")
      let exec = try ExecPath(PathPattern.escaped(path))
      #expect(!exec.isGlob && exec.path == path && exec.matches(path), "\(path)")
      #expect(!exec.matches(path + "x"), "\(path)")
    }
  }

  @Test("Executables: globs and escaped names in one path")
  func executables() throws {
    let glob = try ExecPath(#"/opt/\[a\]/b*\*"#)
    #expect(glob.isGlob)
    #expect(glob.matches("/opt/[a]/bcd*"))
    #expect(!glob.matches("/opt/a/bcd*") && !glob.matches("/opt/[a]/bcd"))
    let plain = try ExecPath(#"/usr/bin/\["#)
    #expect(!plain.isGlob && plain.path == "/usr/bin/[" && plain.matches("/usr/bin/["))
    do throws(TelosError) {
      _ = try ExecPath("/usr/bin/{a,b}")
      Issue.record("braces were accepted")
    } catch {
      #expect(error.hint?.contains(#"\{ is a brace"#) == true, "\(error)")
    }
  }

  @Test("How long a name is counts without its backslashes")
  func length() throws {
    let stars = String(repeating: #"\*"#, count: 200)
    #expect(try PathPattern("/srv/\(stars)", use: .sensitive).anchor.utf8.count == 205)
    let tooMany = String(repeating: #"\*"#, count: 256)
    #expect(throws: TelosError.self) { try PathPattern("/srv/\(tooMany)", use: .sensitive) }
    let text = String(repeating: #"\*"#, count: 32)
    #expect(throws: Never.self) { try PathPattern("/srv/\(text)*", use: .sensitive) }
    #expect(throws: TelosError.self) { try PathPattern("/srv/\(text)x*", use: .sensitive) }
  }
}
