import Testing

@testable import Node

@Suite("when the kernel's map of files is read")
struct FileScheduleTests {
  private let second: UInt64 = 1_000_000_000

  @Test func whileNoAgentRunsItIsReadOnceAMinute() {
    var schedule = FileSchedule()
    let idle = FileSchedule.Occasion(reached: 7)
    #expect(schedule.isDue(idle, at: 0))
    schedule.wasRead(idle, from: 0, to: second / 10)
    let reads = (1...600).count { time in
      guard schedule.isDue(idle, at: UInt64(time) * second) else { return false }
      schedule.wasRead(idle, from: UInt64(time) * second, to: UInt64(time) * second + second / 10)
      return true
    }
    #expect((8...10).contains(reads), "\(reads) in ten minutes")
  }

  @Test func anAgentThatRunsHasRunOrWasSlammedIsNotWaitedFor() {
    var schedule = FileSchedule()
    schedule.wasRead(.init(reached: 7), from: 0, to: second / 10)
    #expect(!schedule.isDue(.init(reached: 7), at: 5 * second))
    #expect(schedule.isDue(.init(hasAgents: true, reached: 7), at: 5 * second))
    #expect(schedule.isDue(.init(reached: 9), at: 5 * second), "it came and went")
    #expect(!schedule.isDue(.init(reached: 9), at: second), "a twentieth of the time")
    #expect(schedule.isDue(.init(isUrgent: true, reached: 7), at: second / 5))
  }
}
