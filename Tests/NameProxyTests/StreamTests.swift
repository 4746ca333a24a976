import Glibc
import NameProxy
import Synchronization
import Testing

@Suite(.enabled(if: isRoot)) struct StreamTests {
  @Test func questionsOnOneConnectionAreAnsweredAsTheyAreReady() async throws {
    let server = try Impostor { question in
      guard question[13] != UInt8(ascii: "s") else {
        usleep(400_000)
        return Impostor.address(question, [192, 0, 2, 1])
      }
      return Impostor.address(question, [192, 0, 2, 2])
    }
    let bench = try await Bench(server.port)
    await bench.agent(7, TestRules("slow.lab.example", "fast.lab.example"))
    #expect(try bench.client(7).ask("fast.lab.example").code == 0)
    let client = try bench.client(7, isStream: true)
    client.send(Client.message("slow.lab.example", id: 1))
    client.send(Client.message("fast.lab.example", id: 2))
    client.send(Client.message("denied.lab.example", id: 3))
    let order = try (0..<3).map { _ in try Response(try #require(client.receive())).id }
    #expect(order == [2, 3, 1])
  }

  @Test func aQuestionByteByByteIsAnsweredAndOneThatNeverEndsIsCutOff() async throws {
    let authority = try Authority.shared.get()
    var limits = ProxyLimits()
    limits.connectionPatience = 1_500_000_000
    let bench = try await Bench(authority.port, limits: limits)
    await bench.agent(7, TestRules("www.lab.example"))
    let client = try bench.client(7, isStream: true)
    let message = Client.message("www.lab.example")
    for byte in [0, UInt8(message.count)] + message {
      var byte = byte
      send(client.socket, &byte, 1, Int32(MSG_NOSIGNAL))
      usleep(10_000)
    }
    #expect(try Response(try #require(client.receive())).texts == ["192.0.2.10"])
    // One byte every 200 ms: each is a sign of life, and none buys time.
    let start = ContinuousClock.now
    var isOpen = true
    while isOpen, ContinuousClock.now - start < .seconds(6) {
      var byte: UInt8 = 1
      if send(client.socket, &byte, 1, Int32(MSG_NOSIGNAL)) != 1 { isOpen = false }
      usleep(200_000)
      if client.waits(0), client.receive(milliseconds: 0) == nil { isOpen = false }
    }
    #expect(!isOpen)
    #expect(ContinuousClock.now - start < .seconds(4))
  }

  @Test func idleConnectionsOfOneAgentTakeNobodyElsesPlace() async throws {
    let authority = try Authority.shared.get()
    var limits = ProxyLimits()
    limits.connections = 64
    limits.connectionPatience = 60_000_000_000
    let bench = try await Bench(authority.port, limits: limits)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.agent(8, TestRules("www.lab.example"))
    let mine = try bench.client(8, isStream: true)
    #expect(try mine.ask("www.lab.example").code == 0)
    var idle: [Client] = []
    for _ in 0..<500 { idle.append(try bench.client(7, isStream: true)) }
    // The oldest made room, and only of the agent that has too many.
    try await Task.sleep(for: .milliseconds(200))
    #expect(idle.prefix(450).allSatisfy { $0.waits(0) && $0.receive(milliseconds: 0) == nil })
    #expect(try mine.ask("www.lab.example").code == 0)
    #expect(try bench.client(8, isStream: true).ask("www.lab.example").code == 0)
    #expect(try bench.client(7).ask("www.lab.example").code == 0)
  }

  @Test func aClientThatNeverReadsIsLetGo() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("many.lab.example"))
    let client = try bench.client(7, isStream: true)
    #expect(try client.ask("many.lab.example").answers.count == 410)
    // Thousands of answers of 6.5 kB, which nobody takes.
    _ = fcntl(client.socket, F_SETFL, O_NONBLOCK)
    for _ in 0..<20_000 { client.send(Client.message("many.lab.example")) }
    #expect(try bench.client(7).ask("many.lab.example").isTruncated)
    let pages = try String(decoding: readFile("/proc/self/statm"), as: UTF8.self).split(
      separator: " ")
    #expect((Int(pages[1]) ?? .max) * 4096 < 1 << 30)
  }

  private func readFile(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    try require(file >= 0, "open \(path)")
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    return Array(buffer[..<max(read(file, &buffer, buffer.count), 0)])
  }
}
