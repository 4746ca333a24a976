import AddressSets
import Glibc
import NameProxy
import Testing

@Suite(.enabled(if: isRoot)) struct UpstreamTests {
  @Test func nothingOfTheClientButTheNameGoesUpstream() async throws {
    let server = try Impostor { Impostor.address($0, [192, 0, 2, 9]) }
    let bench = try await Bench(server.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    // A cookie, a subnet and padding beside the name in letters of both cases.
    var message = Client.message("wWw.LAB.example", size: 4096)
    let options: [UInt8] =
      [0, 10, 0, 8] + Array("secretly".utf8) + [0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113] + [
        0, 12, 0, 4,
      ]
      + Array("pads".utf8)
    message.replaceSubrange((message.count - 2)..., with: [0, UInt8(options.count)] + options)
    client.send(message)
    let response = try Response(try #require(client.receive()))
    #expect(response.texts == ["192.0.2.9"])
    let asked = try #require(server.questions.first)
    let name = Array(Client.message("www.lab.example", size: nil)[12...])
    #expect(Array(asked[12..<(12 + name.count)]) == name)
    for word in ["secretly", "pads", "LAB"] {
      #expect(asked.firstRange(of: Array(word.utf8)) == nil)
    }
    #expect(asked.firstRange(of: [203, 0, 113]) == nil)
  }

  @Test func onlyTheServersThatTheDaemonWasToldOfAreAsked() async throws {
    let told = try Impostor { Impostor.address($0, [192, 0, 2, 1]) }
    let own = try Impostor { Impostor.address($0, [203, 0, 113, 66]) }
    let bench = try await Bench(told.port)
    await bench.agent(7, TestRules("www.lab.example"))
    #expect(try bench.client(7).ask("www.lab.example").texts == ["192.0.2.1"])
    #expect(own.questions.isEmpty)
    // Another configuration, as when the host's resolv.conf changed: the old servers are asked no more.
    let before = told.questions.count
    try await bench.proxy.follow(Bench.servers(own.port), in: bench.sockets)
    bench.ahead.pass(seconds: 400)
    #expect(try bench.client(7).ask("www.lab.example").texts == ["203.0.113.66"])
    #expect(told.questions.count == before)
  }

  @Test func anAnswerToAnotherQuestionOpensNothing() async throws {
    let server = try Impostor { question in
      var wrong = question
      // The same length, another name.
      wrong[13] = UInt8(ascii: "x")
      return Impostor.address(wrong, [203, 0, 113, 1])
    }
    var limits = ProxyLimits()
    limits.patience = 1_000_000_000
    let bench = try await Bench(server.port, limits: limits)
    await bench.agent(7, TestRules("www.lab.example", "xww.lab.example"))
    let response = try bench.client(7).ask("www.lab.example")
    #expect(response.code == 2 && response.answers.isEmpty)
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test(arguments: [0, 1, 2, 3]) func brokenServersAreAFailureWithinFiveSeconds(_ kind: Int)
    async throws
  {
    let server = try Impostor { question in
      switch kind {
      case 0: return nil
      case 1: return [1, 2, 3]
      // SERVFAIL, and an answer whose length lies.
      case 2: return Array(question[..<2]) + [0x85, 0x82] + Array(question[4...])
      default:
        var answer = Impostor.address(question, [203, 0, 113, 1])
        answer[answer.count - 5] = 200
        return answer
      }
    }
    let bench = try await Bench(server.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let start = ContinuousClock.now
    let response = try bench.client(7).ask("www.lab.example")
    #expect(response.code == 2 && response.explanation?.code == 22)
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test func withTrustAnchorsAnAnswerWithoutSignaturesIsNone() async throws {
    let authority = try Authority.shared.get()
    let folder = try Folder()
    try folder.write(
      "anchors",
      ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    var servers = Bench.servers(authority.port)
    servers.trustAnchors = "\(folder.path)/anchors"
    try await bench.proxy.follow(servers, in: bench.sockets)
    let response = try bench.client(7).ask("www.lab.example")
    #expect(response.code == 2 && response.answers.isEmpty)
    #expect(response.explanation?.code == 6)
    #expect(bench.kernel.windows(of: 7).isEmpty)
    servers.trustAnchors = nil
    try await bench.proxy.follow(servers, in: bench.sockets)
    #expect(try bench.client(7).ask("www.lab.example").texts == ["192.0.2.10"])
  }

  @Test func whoWaitsWhenTheServersChangeIsAnsweredByTheNewOnes() async throws {
    let silent = try Impostor { _ in nil }
    let authority = try Authority.shared.get()
    let bench = try await Bench(silent.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    client.send(Client.message("www.lab.example"))
    // Not a pause of the task: other tests may hold its threads for longer than anybody waits.
    usleep(300_000)
    #expect(!silent.questions.isEmpty)
    try await bench.proxy.follow(Bench.servers(authority.port), in: bench.sockets)
    #expect(try Response(try #require(client.receive())).texts == ["192.0.2.10"])
  }

  @Test func theSameQuestionIsOnItsWayOnce() async throws {
    let silent = try Impostor { _ in nil }
    var limits = ProxyLimits()
    limits.patience = 800_000_000
    let bench = try await Bench(silent.port, limits: limits)
    for id: UInt64 in 1...20 { await bench.agent(id, TestRules("www.lab.example")) }
    let clients = try (1...20).map { try bench.client(UInt32($0)) }
    for client in clients { for _ in 0..<5 { client.send(Client.message("www.lab.example")) } }
    for client in clients { #expect(try Response(try #require(client.receive())).code == 2) }
    try await Task.sleep(for: .seconds(1.2))
    #expect(bench.proxy.counters.asked == 1)
  }

  @Test func oneAgentsLookUpsLeaveRoomForAnothers() async throws {
    let slow = try Impostor {
      $0[13] == UInt8(ascii: "w") ? Impostor.address($0, [192, 0, 2, 1]) : nil
    }
    var limits = ProxyLimits()
    limits.lookUpsPerAgent = 50
    limits.lookUps = 60
    let bench = try await Bench(slow.port, limits: limits)
    var many = TestRules()
    for index in 0..<100 { many = many.adding(TestRules("n\(index).lab.example")) }
    await bench.agent(7, many)
    await bench.agent(8, TestRules("www.lab.example"))
    let client = try bench.client(7)
    for index in 0..<100 { client.send(Client.message("n\(index).lab.example", id: UInt16(index))) }
    // Those that find no room hear of it at once.
    for _ in 0..<50 {
      #expect(try Response(try #require(client.receive(milliseconds: 1_000))).code == 2)
    }
    #expect(client.receive(milliseconds: 200) == nil)
    #expect(try bench.client(8).ask("www.lab.example").texts == ["192.0.2.1"])
  }

  @Test func resolvConfIsReadAsLibcReadsIt() throws {
    func servers(_ text: String) -> [String] { ResolvConf(text: text).servers.map(\.description) }
    #expect(servers("# nothing\nsearch lab.example\n") == ["127.0.0.1"])
    #expect(
      servers("nameserver 192.0.2.1\nnameserver\t2001:db8::1 # near\n") == [
        "192.0.2.1", "2001:db8::1",
      ])
    #expect(servers((1...5).map { "nameserver 192.0.2.\($0)" }.joined(separator: "\n")).count == 3)
    #expect(servers("nameserver fe80::1%eth0\nnameserver resolver.lab\n") == ["fe80::1%eth0"])
    // Nothing of it can become a line of libunbound's configuration.
    #expect(servers("nameserver fe80::1%\"x\nnameserver 192.0.2.1\"\n") == ["127.0.0.1"])
    #expect(ResolvConf(text: "nameserver 192.0.2.1\noptions ndots:5 use-vc\n").usesTCP)
    #expect(!ResolvConf(text: "options ndots:5\n").usesTCP)
  }
}
