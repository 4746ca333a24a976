import AddressSets
import NameProxy
import Synchronization
import Testing

@Suite(.enabled(if: isRoot)) struct AnswerTests {
  @Test func anAllowedNameIsAnsweredAndItsAddressIsOpenBeforehand() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let before = bench.now
    let response = try bench.client(7).ask("www.lab.example")
    #expect(response.code == 0)
    #expect(response.texts == ["192.0.2.10"])
    let window = try #require(bench.kernel.windows(of: 7)[try IPAddress("192.0.2.10")])
    #expect(window.ports == TestRules.https)
    // 300 seconds of the record, and ten of grace, of which the answer does not tell.
    #expect((310...311).contains((window.end - before) / 1_000_000_000))
    #expect((299...300).contains(try #require(response.answers.first).ttl))
  }

  @Test func theAnswerWaitsForEveryWindow() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("many.lab.example"))
    // 410 windows of a millisecond and more each: an answer that came before the last would come sooner.
    bench.kernel.state.withLock { $0.slowness = 1_000 }
    let client = try bench.client(7, isStream: true)
    let response = try client.ask("many.lab.example")
    #expect(response.answers.count == 410)
    #expect(bench.kernel.windows(of: 7).count == 410)
  }

  @Test func aNameThatTheIntentDoesNotHaveDoesNotExistAndIsNeverLookedUp() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    for type: UInt16 in [1, 28, 15, 16, 65] {
      let response = try bench.client(7).ask("only4.lab.example", type)
      #expect(response.code == 3)
      #expect(response.explanation?.code == 15)
      #expect(response.explanation?.text.contains("intent") == true)
      let soa = try #require(response.authority.first)
      #expect(soa.type == 6 && soa.ttl <= 5)
    }
    #expect(bench.kernel.windows(of: 7).isEmpty)
    let report = await bench.reports.waits(for: .notAllowed, name: "only4.lab.example")
    #expect(report?.agent == 7)
    #expect(bench.proxy.counters.asked == 0)
  }

  @Test func anAllowedNameWithoutSuchATypeExists() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("only4.lab.example", "web.lab.example", "gone.lab.example"))
    let client = try bench.client(7)
    let six = try client.ask("only4.lab.example", 28)
    #expect(six.code == 0 && six.answers.isEmpty && six.authority.count == 1)
    // HTTPS and SVCB are never handed out, though the authority has one.
    for type: UInt16 in [64, 65] {
      let hints = try client.ask("web.lab.example", type)
      #expect(hints.code == 0 && hints.answers.isEmpty && hints.authority.count == 1)
    }
    #expect(try client.ask("gone.lab.example").code == 3)
  }

  @Test func namesThatLeadAroundTheProxyAreClosed() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("*.net", "*.arpa"))
    let client = try bench.client(7)
    #expect(try client.ask("use-application-dns.net").code == 3)
    let resolvers = try client.ask("_dns.resolver.arpa", 64)
    #expect(resolvers.code == 0 && resolvers.answers.isEmpty)
  }

  @Test func everythingAndTransfersAndOtherClassesAreRefused() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    for type: UInt16 in [255, 252, 251, 250] {
      #expect(try client.ask("www.lab.example", type).code == 5)
    }
    client.send(Client.message("version.bind", 16, class: 3))
    let bytes = try #require(client.receive())
    #expect(try Response(bytes).code == 5)
    // The class of the question is said back.
    #expect(Array(bytes[26..<30]) == [0, 16, 0, 3])
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test func otherTypesOfAnAllowedNameOpenNothing() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("txt.lab.example", "mail.lab.example", "_sip._tcp.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("txt.lab.example", 16).texts == ["\"words\""])
    #expect(try client.ask("mail.lab.example", 15).texts == ["www.lab.example."])
    #expect(try client.ask("_sip._tcp.lab.example", 33).texts == ["www.lab.example."])
    #expect(bench.kernel.windows(of: 7).isEmpty)
    // What they point to is a name of its own.
    #expect(try client.ask("www.lab.example").code == 3)
  }

  @Test func anAddressHasANameOnlyWhereTheNameOpenedIt() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.agent(8, TestRules("www.lab.example"))
    let client = try bench.client(7)
    let (four, six) = (
      "10.2.0.192.in-addr.arpa",
      "0.1.\(String(repeating: "0.", count: 22))8.b.d.0.1.0.0.2.ip6.arpa"
    )
    #expect(try client.ask(four, 12).code == 3)
    _ = try client.ask("www.lab.example")
    _ = try client.ask("www.lab.example", 28)
    #expect(try client.ask(four, 12).texts == ["www.lab.example."])
    #expect(try client.ask(six, 12).texts == ["www.lab.example."])
    #expect(try bench.client(8).ask(four, 12).code == 3)
    #expect(bench.proxy.counters.asked <= 2)
  }

  @Test func thisMachinesOwnNameIsAnsweredHere() async throws {
    let bench = try await Bench(freePort())
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("localhost").texts == ["127.0.0.1"])
    #expect(try client.ask("localhost", 28).texts == ["::1"])
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test func theClientsOwnLettersAndSizeComeBack() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    for name in ["wWw.LaB.eXaMpLe", "WWW.lab.example"] {
      let response = try client.ask(name, size: 1400)
      #expect(response.question == name + ".")
      #expect(response.answers.first?.owner == name + ".")
      #expect(response.ednsSize == 1400)
    }
    #expect(try client.ask("www.lab.example", size: nil).ednsSize == nil)
    // EDNS of a version that does not exist yet.
    var message = Client.message("www.lab.example")
    message[message.count - 5] = 1
    client.send(message)
    #expect(try Response(try #require(client.receive())).code == 16)
  }

  @Test func sixIsAskedAsFourIs() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    #expect(try bench.client(7, isV6: true).ask("www.lab.example", 28).texts == ["2001:db8::10"])
    let stream = try bench.client(7, isStream: true, isV6: true)
    #expect(try stream.ask("www.lab.example").texts == ["192.0.2.10"])
  }

  @Test func anotherAgentsAnswerOpensNothingForThisOne() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.agent(8, TestRules("only4.lab.example"))
    #expect(try bench.client(7).ask("www.lab.example").code == 0)
    #expect(try bench.client(8).ask("www.lab.example").code == 3)
    #expect(bench.kernel.windows(of: 8).isEmpty)
  }
}
