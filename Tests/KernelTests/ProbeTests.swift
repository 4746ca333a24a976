import Testing

@testable import Kernel

@Suite("What this kernel can enforce", .enabled(if: isRoot))
struct ProbeTests {
  @Test("probe says what is there, and why what is missing is missing")
  func probe() {
    let probe = Probe.run()
    #expect(!probe.release.isEmpty)
    #expect(probe.hyperion)
    #expect(probe.findings.map(\.name) == ["btf", "bpf", "bpf-lsm", "cgroup2-root", "ima"])
    for finding in probe.findings { #expect(!finding.detail.isEmpty, "\(finding.name)") }
    let lsm = probe.findings.first { $0.name == "bpf-lsm" }
    #expect(lsm?.present == (Probe.lsmRefusal() == nil))
    #expect(probe.gates == (Probe.lsmRefusal() == nil))
  }
}
