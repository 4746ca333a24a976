import Glibc
import NameProxy
import Synchronization
import Testing

@Suite(.enabled(if: isRoot)) struct FloodTests {
  @Test func anAgentThatFloodsTakesNoAnswerFromAnother() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.agent(8, TestRules("www.lab.example", "only4.lab.example"))
    let isOver = Mutex(false)
    let flood = try bench.client(7)
    let sent = Mutex(0)
    let work = Work { [socket = flood.socket] in
      let message = Client.message("www.lab.example")
      while !isOver.withLock({ $0 }) {
        for _ in 0..<100 { _ = send(socket, message, message.count, Int32(MSG_DONTWAIT)) }
        sent.withLock { $0 += 100 }
        // What comes back is not read.
        usleep(1_000)
      }
    }
    try work.start()
    defer { isOver.withLock { $0 = true } }
    let client = try bench.client(8)
    for _ in 0..<200 {
      // One datagram each, and no second try.
      #expect(try client.ask("www.lab.example").code == 0)
      #expect(try client.ask("only4.lab.example").code == 0)
    }
    isOver.withLock { $0 = true }
    try await Task.sleep(for: .seconds(1.5))
    #expect(sent.withLock { $0 } > 2_000)
    withExtendedLifetime(flood) {}
  }

  @Test func whatIsAboveAnAgentsRateIsDroppedAndSaid() async throws {
    let authority = try Authority.shared.get()
    var limits = ProxyLimits()
    (limits.answersPerSecond, limits.burst, limits.waiting) = (50, 20, 30)
    let bench = try await Bench(authority.port, limits: limits)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.agent(8, TestRules("www.lab.example"))
    let client = try bench.client(7)
    _ = try client.ask("www.lab.example")
    for id: UInt16 in 0..<200 { client.send(Client.message("www.lab.example", id: id)) }
    let start = ContinuousClock.now
    #expect(try bench.client(8).ask("www.lab.example").code == 0)
    var (answers, last) = (0, start)
    while client.receive(milliseconds: 700) != nil {
      (answers, last) = (answers + 1, ContinuousClock.now)
    }
    // The burst at once, then what waited, at its rate: the proxy may have seen all of them before it answered the first.
    #expect((30...60).contains(answers))
    #expect(last - start > .milliseconds(150))
    #expect(await bench.reports.waits(for: .tooMany)?.agent == 7)
    // Afterwards it is served as ever.
    #expect(try client.ask("www.lab.example").code == 0)
  }
}
