import TelosCore
import Testing

@testable import Kernel

@Suite("What this kernel can enforce", .enabled(if: isRoot))
struct ProbeTests {
  @Test("probe says what is there, and why what is missing is missing")
  func probe() {
    let probe = Probe.run()
    #expect(!probe.release.isEmpty)
    #expect(probe.hyperion)
    #expect(
      probe.findings.map(\.name)
        == ["btf", "bpf", "bpf-lsm", "tracing", "cgroup2-root", "ima", "fs-verity"])
    for finding in probe.findings { #expect(!finding.detail.isEmpty, "\(finding.name)") }
    let lsm = probe.findings.first { $0.name == "bpf-lsm" }
    #expect(lsm?.present == (Probe.lsmRefusal() == nil))
    #expect(probe.gates == (Probe.lsmRefusal() == nil))
    #expect(probe.strengths.count == Gate.allCases.count + 1)
    #expect(
      probe.strengths.filter { $0.gate != "hyperion" }.allSatisfy { $0.possible == probe.gates })
  }

  @Test("what is weaker on a kernel is said gate by gate")
  func strengths() {
    let strong = GateStrength.all(
      release: "6.12.1-amd64", gates: true, hyperion: true, contentHashes: true, verity: true,
      overlay: true)
    #expect(strong.allSatisfy { $0.possible && $0.weaker.isEmpty })
    let weak = GateStrength.all(
      release: "6.6.1", gates: true, hyperion: true, contentHashes: false, verity: false,
      overlay: false)
    #expect(weak.first { $0.gate == "exec" }?.weaker.count == 4)
    #expect(weak.first { $0.gate == "file" }?.weaker.count == 2)
    #expect(weak.first { $0.gate == "guard" }?.weaker.count == 1)
  }
}
