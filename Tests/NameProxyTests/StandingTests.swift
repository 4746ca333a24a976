import AddressSets
import NameProxy
import Synchronization
import Testing

@Suite(.enabled(if: isRoot)) struct StandingTests {
  @Test func aSlammedAgentHasItsKeptNamesAndNothingItAsksLeavesTheNode() async throws {
    let server = try Impostor {
      Impostor.address($0, [192, 0, 2, $0[13] == UInt8(ascii: "k") ? 70 : 71])
    }
    let bench = try await Bench(server.port)
    let kept = TestRules("kept.lab.example", whileTainted: true)
    await bench.agent(
      7, kept.adding(TestRules("www.lab.example", "*.wild.example", whileTainted: false)))
    // Looked up ahead, without a question of the agent's.
    for _ in 0..<100 where bench.kernel.windows(of: 7).isEmpty {
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(try bench.kernel.ends(of: 7, "192.0.2.70") != nil)
    let client = try bench.client(7)
    #expect(try client.ask("www.lab.example").code == 0)

    bench.kernel.state.withLock { $0.standing[7] = .slammed }
    try await Task.sleep(for: .milliseconds(300))
    let before = server.questions.count
    #expect(try client.ask("kept.lab.example").texts == ["192.0.2.70"])
    // What was known a moment ago, what never was, other types of the kept name, names below a wildcard.
    #expect(try client.ask("www.lab.example").code == 3)
    #expect(try client.ask("other.wild.example").code == 3)
    #expect(try client.ask("sub.kept.lab.example").code == 3)
    let text = try client.ask("kept.lab.example", 16)
    #expect(text.code == 0 && text.answers.isEmpty)
    // The node itself may ask for what it keeps, whenever it likes.
    let later = server.questions.dropFirst(before).map { Impostor.asked($0) }
    let own = ["kept.lab.example 1", "kept.lab.example 28"]
    #expect(later.allSatisfy { own.contains($0) }, "\(later)")
  }

  @Test func keptNamesStayFreshWhetherAskedForOrNot() async throws {
    let server = try Impostor { Impostor.address($0, [192, 0, 2, 70], ttl: 1) }
    let bench = try await Bench(server.port)
    await bench.agent(7, TestRules("kept.lab.example", whileTainted: true))
    for _ in 0..<100 where bench.kernel.windows(of: 7).isEmpty {
      try await Task.sleep(for: .milliseconds(20))
    }
    let first = try #require(try bench.kernel.ends(of: 7, "192.0.2.70"))
    bench.kernel.state.withLock { $0.standing[7] = .slammed }
    // The window would have run out; the node has looked the name up again meanwhile.
    bench.ahead.pass(seconds: 60)
    try await Task.sleep(for: .seconds(2.5))
    #expect(try #require(try bench.kernel.ends(of: 7, "192.0.2.70")) > first)
    #expect(try bench.client(7).ask("kept.lab.example").texts == ["192.0.2.70"])
  }

  @Test func anAgentSlammedWhileItsQuestionIsOnItsWayGetsNoWindowAndNoAnswer() async throws {
    let kernel = Mutex<FakeKernel?>(nil)
    let server = try Impostor { question in
      // Slammed by the time that the answer arrives.
      kernel.withLock { $0 }?.state.withLock { $0.standing[7] = .slammed }
      return Impostor.address(question, [192, 0, 2, 72])
    }
    let bench = try await Bench(server.port)
    kernel.withLock { $0 = bench.kernel }
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    client.send(Client.message("www.lab.example"))
    #expect(client.receive(milliseconds: 1_000) == nil)
    #expect(!server.questions.isEmpty)
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test func anAgentThatEndedIsNotAnswered() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7)
    #expect(try client.ask("www.lab.example").code == 0)
    bench.kernel.state.withLock { $0.standing[7] = .ended }
    client.send(Client.message("www.lab.example"))
    #expect(client.receive(milliseconds: 300) == nil)
    await bench.proxy.remove(7)
    bench.kernel.state.withLock { $0.standing[7] = .free }
    client.send(Client.message("www.lab.example"))
    #expect(client.receive(milliseconds: 300) == nil)
  }
}
