import AddressSets
import NameProxy
import TelosCore

/// A kernel of nothing but marks: that of a datagram is its agent. What opens costs what two map updates would (2 µs).
struct BenchGate: NameGate {
  func agent(ofMark mark: UInt32) -> UInt64? { mark == 0 ? nil : UInt64(mark) }
  func agent(ofConnection connection: Int32) -> UInt64? { nil }
  func standing(of agent: UInt64) -> AgentStanding { .free }
  func open(_ address: IPAddress, ports: [NamePorts], until end: UInt64, for agent: UInt64)
    throws(TelosError)
  {
    let start = bootNanoseconds()
    while bootNanoseconds() - start < 2_000 {}
  }
}

/// Everything below `bench.example`, as exact names.
struct BenchRules: NameRules {
  var keptNames: [String] { [] }
  func rule(for name: String) -> NameRule? {
    name.hasSuffix(".bench.example")
      ? NameRule(ports: [NamePorts(first: 443, last: 443)]) : nil
  }
}
