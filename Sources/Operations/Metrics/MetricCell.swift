internal import CoreMetrics
internal import Synchronization

/// One metric with one set of labels.
final class MetricCell: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler,
  TimerHandler
{
  private let state = Mutex((value: 0.0, count: 0))
  /// Of what is recorded, the last value instead of the sum.
  private let keepsLast: Bool

  init(keepsLast: Bool) { self.keepsLast = keepsLast }

  func read() -> (value: Double, count: Int) { state.withLock { $0 } }

  func increment(by amount: Int64) { increment(by: Double(amount)) }
  func increment(by amount: Double) { state.withLock { $0.value += amount } }
  func decrement(by amount: Double) { increment(by: -amount) }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { state.withLock { $0.value = value } }
  func reset() { set(0.0) }

  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) {
    state.withLock { state in
      state = (keepsLast ? value : state.value + value, state.count + 1)
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
