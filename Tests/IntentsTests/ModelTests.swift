import FoundationEssentials
import TelosCore
import Testing

@testable import Intents

@Suite struct ModelTests {
  @Test(
    "A length of time is read and written in its largest unit",
    arguments: [
      ("60s", 60, "1m"), ("90s", 90, "90s"), ("1h30m", 5400, "90m"), ("7d", 604_800, "7d"),
      ("1d1h1m1s", 90061, "90061s"),
    ])
  func spans(text: String, seconds: UInt64, written: String) throws {
    let span = try Span(text)
    #expect(span.seconds == seconds)
    #expect(span.description == written)
    #expect(try Span(written) == span)
  }

  @Test(
    "What is no length of time is refused",
    arguments: ["", "1", "s", "1m1h", "1h1h", "-1s", "1.5h", "1w", "٣s", "9999999999s", "366d"])
  func badSpans(text: String) {
    #expect(throws: TelosError.self) { try Span(text) }
  }

  @Test(
    "The forms of paths that the kernel can decide",
    arguments: [
      ("/srv/app/.env", "/srv/app/.env", PathPattern.Form.literal),
      ("/srv/*", "/srv", .children(.any)), ("/srv/*.pem", "/srv", .children(.suffix(".pem"))),
      ("/srv/id_*", "/srv", .children(.prefix("id_"))), ("/srv/**", "/srv", .descendants(.any)),
      ("/srv/**/.env", "/srv", .descendants(.name(".env"))),
      ("/srv/**/*.key", "/srv", .descendants(.suffix(".key"))),
      ("/srv/a/**/id_*", "/srv/a", .descendants(.prefix("id_"))),
      ("/**/.env", "/", .descendants(.name(".env"))), ("/*.pem", "/", .children(.suffix(".pem"))),
    ])
  func forms(text: String, anchor: String, form: PathPattern.Form) throws {
    let pattern = try PathPattern(text, use: .sensitive)
    #expect(pattern.anchor == anchor)
    #expect(pattern.form == form)
  }

  @Test(
    "Forms that the kernel cannot decide are refused",
    arguments: [
      "/srv/**/**", "/srv/**/*", "/srv/**/a/b", "/srv/*/x", "/srv/a*/b", "/srv/**/a*b", "/srv/*a*",
      "/srv/[ab]", "/srv/{a,b}", "/srv/a**", "/**", "/", "/srv/***",
      "/srv/*" + String(repeating: "x", count: 33), "/srv/" + String(repeating: "x", count: 256),
      "/srv//x", "/srv/./x", "srv", "", "~/.ssh/**", "$HOME/x",
    ])
  func badForms(text: String) {
    #expect(throws: TelosError.self) { try PathPattern(text, use: .sensitive) }
  }

  @Test("A combining mark hides neither a wildcard nor a special folder")
  func combiningMarks() {
    #expect(throws: TelosError.self) { try PathPattern("/srv/a*\u{301}b", use: .sensitive) }
    #expect(throws: TelosError.self) { try PathPattern("/dev/\u{301}x/**", use: .write) }
    #expect(throws: TelosError.self) { try PathPattern("/proc/\u{301}x", use: .write) }
  }

  @Test("A literal device may be written")
  func device() throws {
    #expect(try PathPattern("/dev/kvm", use: .write).form == .literal)
  }

  @Test("The nearest word is guessed only if it is near")
  func nearest() {
    #expect(NearestWord.to("pahts", in: ["path", "sha256"]) == nil)
    #expect(NearestWord.to("Path", in: ["path", "sha256"]) == "path")
    #expect(
      NearestWord.to("reachableWhenTainted", in: ["allow", "reachableWhileTainted"])
        == "reachableWhileTainted")
  }

  @Test("Port ranges join and cover")
  func ports() {
    let ranges = PortRange.normalised([
      PortRange(first: 10, last: 20), PortRange(first: 21, last: 22), PortRange(first: 5, last: 7),
      PortRange(first: 65535, last: 65535),
    ])
    #expect(ranges.map(\.description) == ["5-7", "10-22", "65535"])
    #expect(PortRange.covers(ranges, [PortRange(first: 15, last: 22)]))
    #expect(!PortRange.covers(ranges, [PortRange(first: 7, last: 10)]))
  }
}
