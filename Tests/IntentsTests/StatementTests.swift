import FoundationEssentials
import Intents
import TelosCore
import Testing

@Suite struct StatementTests {
  let expires = Date(timeIntervalSince1970: 1_800_000_000)

  func payload(_ text: String) throws -> String {
    String(
      decoding: try IntentParser.parse(text).statementPayload(version: 7, expires: expires),
      as: UTF8.self)
  }

  @Test("The payload is canonical JSON with every default written out")
  func exactBytes() throws {
    #expect(
      try payload(
        minimal("network: {allow: [{cidr: \"::1\", ports: [8000-8001, 443, 443, 8002]}]}"))
        == #"{"expires":"2027-01-15T08:00:00Z","labels":{},"name":"small","nodes":{},"spec":{"#
        + #""exec":{"allow":[{"path":"/usr/bin/cat"}],"own":[]},"files":{"sensitive":[]},"#
        + #""mode":"enforce","network":{"allow":[{"cidr":"::1","ports":[443,"8000-8002"],"#
        + #""protocols":["tcp","udp"]}],"reachableWhileTainted":[],"sensitive":[]},"#
        + #""stdio":"untilTaint","ttl":"1h","unix":{"allow":[]}},"type":"intent","version":7}"#)
  }

  @Test("Keys that came later are written only where they say something")
  func laterKeys() throws {
    let text = try payload(explicit)
    #expect(
      text.contains(#""exec":{"allow":[{"multicall":"true","path":"/bin/busybox"}],"jit":"true""#))
    #expect(
      text.contains(
        #""listen":[{"ports":[8080],"protocols":["tcp"]},{"cidr":"fd00::/8","ports":[53,5353],"#
          + #""protocols":["udp"]}]"#))
    let off = explicit.replacing("jit: true", with: "jit: false")
      .replacing("multicall: true", with: "multicall: false")
    #expect(try !payload(off).contains("jit"))
    #expect(try !payload(off).contains("multicall"))
    let digest = String(repeating: "9f", count: 32)
    let verity = explicit.replacing("multicall: true", with: "fsverity: \(digest)")
    #expect(try payload(verity).contains(#"{"fsverity":"\#(digest)","path":"/bin/busybox"}"#))
  }

  @Test("A payload is read back to the same intent")
  func roundTrip() throws {
    for text in [
      readLogs, minimal(""), explicit,
      minimal("files: {write: []}\nttl: 1h30m\nmode: audit\nstdio: deny"),
    ] {
      let intent = try IntentParser.parse(text)
      let bytes = intent.statementPayload(version: 1_700_000_000, expires: expires)
      let back = try Intent(statementPayload: bytes)
      #expect(back == intent)
      #expect(back.statementPayload(version: 1_700_000_000, expires: expires) == bytes)
    }
  }

  @Test(
    "A payload that is not exactly what would be written is refused",
    arguments: [
      (#""labels":{}"#, #""labels":{} "#), (#""type":"intent""#, #""type":"manifest""#),
      (#""version":7"#, #""version":0"#), (#""version":7"#, #""version":"7""#),
      (#""version":7"#, #""version":7,"zzz":1"#), (#""version":7"#, #""version":7.0"#),
      (#""mode":"enforce""#, #""mode":"enforce","mode":"audit""#),
      (#""mode":"enforce""#, #""mode":"enforce","mood":"x""#), (#""mode":"enforce","#, ""),
      (#""ttl":"1h""#, #""ttl":"60m""#), (#""ttl":"1h""#, #""ttl":true"#),
      (#""own":[]"#, #""jit":"false","own":[]"#), (#""own":[]"#, #""jit":true,"own":[]"#),
      (#""network":{"#, #""network":{"listen":[],"#),
      (#"/usr/bin/cat"#, #"\/usr\/bin\/cat"#), (#"/usr/bin/cat"#, "usr/bin/cat"),
      (#"/usr/bin/cat"#, #"/usr/bin/c\u0000t"#),
      (#"[{"path":"/usr/bin/cat"}]"#, "[]"), (#""nodes":{}"#, #""nodes":{"a":null}"#),
      (#""nodes":{},"#, ""), (#""spec":{"#, #""spec":{"nodes":{"labels":{}},"#),
      (#"2027-01-15T08:00:00Z"#, "2027-01-15T08:00:00.000Z"), (#"2027-01-15T08:00:00Z"#, "soon"),
      (
        #""network":{"allow":[]"#,
        #""network":{"allow":[{"host":"A.org","ports":[1],"protocols":["tcp"]}]"#
      ),
    ])
  func strict(old: String, new: String) throws {
    let good = try payload(minimal(""))
    #expect(throws: Never.self) { try Intent(statementPayload: good.utf8) }
    try #require(good.contains(old))
    let bad = good.replacing(old, with: new)
    #expect(throws: TelosError.self) { try Intent(statementPayload: bad.utf8) }
  }

  @Test("Truncated, foreign and too large payloads are refused")
  func notAPayload() throws {
    let good = Array(try payload(readLogs).utf8)
    for count in [0, 1, good.count / 2, good.count - 1] {
      #expect(throws: TelosError.self) { try Intent(statementPayload: good[..<count]) }
    }
    #expect(throws: TelosError.self) { try Intent(statementPayload: good + [0x0a]) }
    #expect(throws: TelosError.self) { try Intent(statementPayload: Array("[]".utf8)) }
    #expect(throws: TelosError.self) {
      try Intent(statementPayload: Array(String(repeating: "[", count: 100_000).utf8))
    }
    #expect(throws: TelosError.self) {
      try Intent(statementPayload: [UInt8](repeating: 0x20, count: Intent.maximumPayload + 1))
    }
  }

  @Test("A flipped bit crashes nothing, and in the spec never leaves the same intent")
  func flippedBits() throws {
    let text = try payload(readLogs)
    let intent = try Intent(statementPayload: text.utf8)
    let good = Array(text.utf8)
    let spec = try #require(text.firstRange(of: #""spec":"#))
    let start = text.utf8.distance(from: text.startIndex, to: spec.upperBound)
    let end = good.count - #","type":"intent","version":7}"#.utf8.count
    for index in good.indices {
      var bad = good
      bad[index] ^= UInt8(1 << Int.random(in: 0..<8))
      let other = try? Intent(statementPayload: bad)
      if (start..<end).contains(index) { #expect(other != intent) }
    }
  }
}
