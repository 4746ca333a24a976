import AddressSets
import FleetCA
import FleetWire
import Foundation
import Logging
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

@Suite struct SendBudgetTests {
  @Test func everyStreamHasAnAllowanceAndTheRestIsShared() {
    let budget = SendBudget(allowance: 100, shared: 1000)
    let first = budget.join {}
    let second = budget.join {}
    #expect(first.take(100) && first.take(600) && second.take(500))
    #expect(!first.take(1) && !second.take(1), "100 + 600 and 100 + 400")
    #expect(budget.inFlight == 1200)
    let third = budget.join {}
    #expect(third.take(100) && !third.take(1), "the allowance is always there")
    first.give(600)
    #expect(third.take(600) && !second.take(1))
    #expect(budget.inFlight == 1300)
  }

  @Test func oneObjectThatIsLargerThanTheBudgetGoesAlone() {
    let budget = SendBudget(allowance: 100, shared: 1000)
    let first = budget.join {}
    let second = budget.join {}
    #expect(first.take(5000))
    #expect(!second.take(5000) && second.take(100))
    first.give(5000)
    #expect(second.take(5000))
  }

  @Test func aStreamThatEndsGivesBackAndWhoWaitsIsWoken() {
    let budget = SendBudget(allowance: 0, shared: 1000)
    let woken = Mutex<[Int]>([])
    var greedy: SendBudget.Share? = budget.join {}
    #expect(greedy?.take(1000) == true)
    let others = (0..<3).map { index in budget.join { woken.withLock { $0.append(index) } } }
    for other in others { #expect(!other.take(400) && !other.take(400)) }
    #expect(woken.withLock { $0.isEmpty })
    // An optimised build would let go of the others, too, after their last use.
    withExtendedLifetime(others) { greedy = nil }
    #expect(woken.withLock { $0 } == [0, 1, 2], "each once, in the order in which they asked")
    #expect(budget.inFlight == 0)
  }

  /// Sessions as streams have them, without the streams.
  @Test func twoHundredReadersThatStallCostBoundedMemory() async throws {
    let bench = try await Bench()
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let set = AddressSet(
      try (0..<100_000).map { try IPPrefix("10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256)") })
    _ = try await bench.publisher.changeBlocklist(.replace(set), by: "test")
    let publication = bench.publisher.current
    let ipset = try #require(publication.objects.first { $0.object.kind == .ipset })
    #expect(ipset.envelope.count > SendBudget.allowance, "or the test says nothing")
    let budget = SendBudget(shared: 4 << 20)
    var sessions: [SyncSession] = []
    try await bench.store.transaction { store in
      for index in 0..<200 { try store.enrol("n\(index)", labels: [:], bound: [:]) }
    }
    var sent = 0
    for index in 0..<200 {
      let session = SyncSession(
        node: "n\(index)", serial: "\(index)", publisher: bench.publisher, heartbeats: Heartbeats(),
        share: budget.join {}, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      _ = try await session.receive(RunningFleet.hello("n\(index)", credits: 16), at: bench.now)
      sessions.append(session)
    }
    // Whatever wakes them, and however often.
    for _ in 0..<5 {
      for session in sessions {
        for message in try await session.outgoing(at: bench.now) {
          sent += message.object.envelope.count
        }
      }
    }
    let limit = 200 * SendBudget.allowance + 4 << 20
    #expect(sent == budget.inFlight)
    #expect(sent < limit && 200 * ipset.envelope.count > limit, "\(sent)")

    // Those that hold what others wait for are cut off first, those within their allowance later.
    let soon = bench.now.addingTimeInterval(SyncState.patienceInLine + 60)
    #expect(soon < bench.now.addingTimeInterval(SyncState.patience))
    var left: [SyncSession] = []
    for session in sessions {
      do {
        _ = try await session.outgoing(at: soon)
        left.append(session)
      } catch {}
    }
    #expect((150..<200).contains(left.count), "\(left.count)")
    // In the end all are, and what they held is there for others.
    let late = soon.addingTimeInterval(SyncState.patience + 60)
    for session in left {
      await #expect(throws: (any Error).self) { try await session.outgoing(at: late) }
    }
    left = []
    sessions = []
    #expect(budget.inFlight == 0)
  }
}
