import AddressSets
import NameProxy
import Testing

@Suite(.enabled(if: isRoot)) struct HostileTests {
  /// The proxy still answers.
  func lives(_ bench: Bench) throws {
    #expect(try bench.client(7).ask("www.lab.example").texts == ["192.0.2.10"])
  }

  @Test func aDatagramOfNobodyIsPassedOver() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    for mark: UInt32 in [0, 9] {
      let client = try Client(port: bench.sockets.port, mark: mark)
      client.send(Client.message("www.lab.example"))
      #expect(client.receive(milliseconds: 300) == nil)
    }
    #expect(bench.kernel.windows(of: 7).isEmpty && bench.kernel.windows(of: 9).isEmpty)
    let stream = try Client(port: bench.sockets.port, mark: 0, isStream: true)
    stream.send(Client.message("www.lab.example"))
    #expect(stream.receive(milliseconds: 300) == nil)
    try lives(bench)
    try await Task.sleep(for: .seconds(1.2))
    #expect(bench.proxy.counters.unknown >= 3)
  }

  @Test func brokenMessagesAreAnsweredBrieflyOrNotAtAll() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    func code(_ bytes: [UInt8]) -> Int? {
      client.send(bytes)
      return client.receive(milliseconds: 300).map { Int($0[3] & 15) }
    }
    func edit(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
      var bytes = Client.message("www.lab.example", size: nil)
      body(&bytes)
      return bytes
    }
    #expect(code([]) == nil)
    #expect(code([0, 1, 2]) == nil)
    // An answer is nobody's question.
    #expect(code(edit { $0[2] |= 0x80 }) == nil)
    // NOTIFY, two questions, none, records where none belong, a name that ends nowhere.
    #expect(code(edit { $0[2] |= 0x20 }) == 4)
    #expect(code(edit { $0[5] = 2 }) == 1)
    #expect(code(edit { $0[5] = 0 }) == 1)
    #expect(code(edit { $0[6] = 0xff }) == 1)
    #expect(code(edit { $0[8] = 0xff }) == 1)
    #expect(code(edit { $0[10] = 0xff }) == 1)
    #expect(code(Array(edit { _ in }.dropLast(6))) == 1)
    // A name that points to itself, and one that points beyond the end.
    #expect(code(edit { $0.replaceSubrange(12..<13, with: [0xc0, 12]) }) == 1)
    #expect(code(edit { $0.replaceSubrange(12..<13, with: [0xff, 0xff]) }) == 1)
    #expect(code([UInt8](repeating: 0, count: 5000)) == 1)
    try lives(bench)
  }

  @Test func oddLabelsAreNeverReadAsAnotherName() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example", "*.wild.example"))
    let client = try bench.client(7)
    func code(_ labels: [[UInt8]]) throws -> Int {
      var bytes: [UInt8] = [0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
      for label in labels { bytes += [UInt8(label.count)] + label }
      client.send(bytes + [0, 0, 1, 0, 1])
      return Int(try #require(client.receive())[3] & 15)
    }
    // One label with dots in it, a NUL, a blank, and the allowed name with something behind a NUL.
    #expect(try code([Array("www.lab.example".utf8)]) == 3)
    #expect(try code([Array("www.lab".utf8), Array("example".utf8)]) == 3)
    #expect(try code([[0], Array("wild".utf8), Array("example".utf8)]) == 3)
    #expect(try code([Array("a b".utf8), Array("wild".utf8), Array("example".utf8)]) == 3)
    #expect(try code([Array("www".utf8), Array("lab".utf8), Array("example".utf8) + [0]]) == 3)
    #expect(try code([Array("bü".utf8), Array("wild".utf8), Array("example".utf8)]) == 3)
    // The longest label, and the longest name: 255 bytes in four labels.
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 63)
    #expect(try code([long, Array("lab".utf8), Array("example".utf8)]) == 3)
    #expect(try code([long, long, long, Array(long.prefix(61))]) == 3)
    #expect(try code([]) == 3)
    #expect(bench.kernel.windows(of: 7).isEmpty)
    #expect(bench.proxy.counters.asked == 0)
    try lives(bench)
  }

  @Test func noiseStopsNothing() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    var random = SystemRandomNumberGenerator()
    for round in 0..<20_000 {
      var bytes = Client.message("www.lab.example")
      for _ in 0..<(1 + round % 8) {
        bytes[Int(random.next(upperBound: UInt(bytes.count)))] = UInt8.random(in: 0...255)
      }
      client.send(bytes)
      _ = client.receive(milliseconds: 0)
    }
    try await Task.sleep(for: .milliseconds(200))
    try lives(bench)
    // Nothing but the allowed name was looked up, whatever the noise spelled.
    #expect(
      Set(bench.kernel.windows(of: 7).keys.map(\.description)).isSubset(of: [
        "192.0.2.10", "2001:db8::10",
      ]))
  }

  @Test func namesThatCarryTooMuchAreStoppedBelowAWildcard() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("*.wild.example", "www.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("static.wild.example").texts == ["192.0.2.50"])
    // Too long for one name, however deep.
    let long = String(repeating: "abcdefghij", count: 6)
    #expect(try client.ask("\(long).abcdefgh.wild.example").code == 3)
    var random = SystemRandomNumberGenerator()
    var answered = 0
    for _ in 0..<400 {
      let part = String(random.next(), radix: 36) + String(random.next(), radix: 36)
      if try client.ask("\(part).wild.example").code == 0 { answered += 1 }
    }
    // 16,384 bits an hour, some 110 each.
    #expect((100...220).contains(answered))
    // What is known stays known, and other names are not concerned.
    #expect(try client.ask("static.wild.example").texts == ["192.0.2.50"])
    try lives(bench)
    #expect(await bench.reports.waits(for: .carrier) != nil)
    // An hour later there is room again.
    bench.ahead.pass(seconds: 3600)
    #expect(try client.ask("another.wild.example").code == 0)
  }

  @Test func aVerdictCountsBelowWildcardsAlone() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port) { name in
      name.contains("paypa1") || name == "www.lab.example" ? "one letter from paypal" : nil
    }
    await bench.agent(7, TestRules("*.wild.example", "www.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("paypa1.wild.example").code == 3)
    #expect(await bench.reports.waits(for: .verdict)?.detail == "one letter from paypal")
    try lives(bench)
  }
}
