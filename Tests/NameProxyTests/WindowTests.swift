import AddressSets
import NameProxy
import Synchronization
import Testing

@Suite(.enabled(if: isRoot)) struct WindowTests {
  /// Seconds that a window lives on from `before`, rounded down.
  func seconds(_ bench: Bench, _ address: String, _ before: UInt64) throws -> UInt64 {
    try (#require(try bench.kernel.ends(of: 7, address)) - before) / 1_000_000_000
  }

  @Test func shortLivedRecordsOpenAMinuteAndLongOnesNoLongerThanTheIntentSays() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    let names = TestRules("brief.lab.example", "zero.lab.example")
      .adding(TestRules("long.lab.example", ttl: 900))
      .adding(TestRules("only4.lab.example", ttl: 20))
    await bench.agent(7, names)
    let client = try bench.client(7)
    let before = bench.now
    let brief = try client.ask("brief.lab.example")
    #expect((59...60).contains(try #require(brief.answers.first).ttl))
    #expect((70...71).contains(try seconds(bench, "192.0.2.12", before)))
    let zero = try client.ask("zero.lab.example")
    #expect((59...60).contains(try #require(zero.answers.first).ttl))
    #expect((70...71).contains(try seconds(bench, "192.0.2.13", before)))
    // 2^31 - 1 seconds in the zone.
    let long = try client.ask("long.lab.example")
    #expect((899...900).contains(try #require(long.answers.first).ttl))
    #expect((910...911).contains(try seconds(bench, "192.0.2.14", before)))
    // An intent's own limit counts, also below the minute.
    let limited = try client.ask("only4.lab.example")
    #expect((19...20).contains(try #require(limited.answers.first).ttl))
    #expect((30...31).contains(try seconds(bench, "192.0.2.11", before)))
  }

  @Test func whatIsHandedOutNeverOutlivesTheWindow() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    _ = try client.ask("www.lab.example")
    let end = try #require(try bench.kernel.ends(of: 7, "192.0.2.10"))
    for _ in 0..<5 {
      bench.ahead.pass(seconds: 55)
      let ttl = UInt64(try #require(try client.ask("www.lab.example").answers.first).ttl)
      #expect(bench.now + (ttl + 10) * 1_000_000_000 <= end)
    }
    #expect(bench.kernel.state.withLock { $0.opened } == 1)
    // Then it is looked up again, and the window lives on.
    bench.ahead.pass(seconds: 55)
    _ = try client.ask("www.lab.example")
    #expect(try #require(try bench.kernel.ends(of: 7, "192.0.2.10")) > end)
  }

  @Test func aFullKernelIsSaidAndOpensNothing() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    bench.kernel.state.withLock { $0.room = 0 }
    let response = try bench.client(7).ask("www.lab.example")
    #expect(response.code == 2 && response.answers.isEmpty)
    #expect(await bench.reports.waits(for: .noRoom)?.detail.contains("full") == true)
    // When there is room again, the same question is answered.
    bench.kernel.state.withLock { $0.room = .max }
    #expect(try bench.client(7).ask("www.lab.example").texts == ["192.0.2.10"])
  }

  @Test func anAgentHasItsShareOfWindowsAndNoMore() async throws {
    let authority = try Authority.shared.get()
    var limits = ProxyLimits()
    limits.windows = 400
    let bench = try await Bench(authority.port, limits: limits)
    await bench.agent(7, TestRules("many.lab.example", "www.lab.example", "only4.lab.example"))
    let client = try bench.client(7, isStream: true)
    #expect(try client.ask("many.lab.example").code == 2)
    #expect(bench.kernel.windows(of: 7).isEmpty)
    #expect(try client.ask("www.lab.example").code == 0)
    #expect(await bench.reports.waits(for: .noRoom)?.name == "many.lab.example")
  }

  @Test func fourHundredAddressesArriveByTCPAndAllAreOpen() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("many.lab.example"))
    let short = try bench.client(7).ask("many.lab.example")
    #expect(short.isTruncated && short.answers.isEmpty && short.count <= 1232)
    let whole = try bench.client(7, isStream: true).ask("many.lab.example")
    #expect(!whole.isTruncated && whole.answers.count == 410)
    let open = bench.kernel.windows(of: 7)
    #expect(try whole.texts.allSatisfy { open[try IPAddress($0)] != nil })
  }

  @Test func chainsAreFollowedAndOnlyTheAskedNameCounts() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("alias.lab.example", "loop.lab.example", "link0.lab.example"))
    let client = try bench.client(7)
    let response = try client.ask("alias.lab.example")
    #expect(response.texts == ["target.denied.example.", "192.0.2.20"])
    #expect(try bench.kernel.ends(of: 7, "192.0.2.20") != nil)
    // The name at its end is another name.
    #expect(try client.ask("target.denied.example").code == 3)
    #expect(try client.ask("loop.lab.example").answers.allSatisfy { $0.type == 5 })
    // libunbound follows eleven links; nothing opens by a chain that has no end.
    let long = try client.ask("link0.lab.example")
    #expect(long.code == 2 || long.texts.last == "192.0.2.21")
    #expect(bench.kernel.windows(of: 7).count == (long.code == 2 ? 1 : 2))
  }

  @Test func addressesOfNoPublicNetworkAreKeptFromAgents() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    let closed = ["own", "link", "nobody", "corp"].map { "\($0).lab.example" }
    var rules = TestRules("half.lab.example", "six.lab.example", "nat64.lab.example")
    for name in closed { rules = rules.adding(TestRules(name)) }
    await bench.agent(7, rules)
    let client = try bench.client(7)
    for name in closed {
      let response = try client.ask(name)
      // Not NXDOMAIN: the other family may have addresses.
      #expect(response.code == 0 && response.answers.isEmpty && response.explanation?.code == 15)
    }
    #expect(try client.ask("corp.lab.example").explanation?.text.contains("private: true") == true)
    #expect(try client.ask("half.lab.example").texts == ["192.0.2.30"])
    let six = try client.ask("six.lab.example", 28)
    #expect(six.code == 0 && six.answers.isEmpty)
    // Translated, but to a public address.
    #expect(try client.ask("nat64.lab.example", 28).texts == ["64:ff9b::c000:21e"])
    #expect(
      Set(bench.kernel.windows(of: 7).keys.map(\.description)) == [
        "192.0.2.30", "64:ff9b::c000:21e",
      ])
    #expect(
      await bench.reports.waits(for: .closedAddress, name: "link.lab.example")?.detail
        == "169.254.169.254")
  }

  @Test func aCompanysAddressesNeedTheIntentsWord() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(
      7,
      TestRules(
        "corp.lab.example", "half.lab.example", "own.lab.example", "link.lab.example",
        "six.lab.example", isPrivate: true))
    let client = try bench.client(7)
    #expect(try client.ask("corp.lab.example").texts == ["10.1.2.3"])
    #expect(Set(try client.ask("half.lab.example").texts) == ["10.1.2.4", "192.0.2.30"])
    // This machine, and what hands out its credentials, are no company's.
    #expect(try client.ask("own.lab.example").answers.isEmpty)
    #expect(try client.ask("link.lab.example").answers.isEmpty)
    #expect(try client.ask("six.lab.example", 28).texts == ["2002:a00:1::1"])
  }

  @Test func whatIsOpenStaysKnownWhileTheServersAreAway() async throws {
    let authority = try Authority()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("brief.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("brief.lab.example").texts == ["192.0.2.12"])
    authority.freeze(true)
    defer { authority.freeze(false) }
    // Its five seconds are over, its window is not.
    bench.ahead.pass(seconds: 20)
    try await Task.sleep(for: .seconds(6))
    let again = try client.ask("brief.lab.example")
    #expect(again.texts == ["192.0.2.12"])
    #expect(try #require(again.answers.first).ttl <= 40)
  }
}
