internal import ArgumentParser
internal import Glibc
internal import Kernel
internal import TelosCore

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Show what this kernel can and cannot enforce.",
    discussion: """
      Loads an empty program to see, and attaches nothing; needs root. What the node at hand does enforce \
      is in `telos status`. Exit status: 0 if every gate can be enforced, 1 if not.
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    guard geteuid() == 0 else {
      throw TelosError(
        .forbidden, "only root may probe the kernel", hint: "sudo telos probe, or telos status")
    }
    let probe = Probe.run()
    if output.json {
      try JSONOutput.print(probe)
    } else {
      Terminal.line("Kernel \(probe.release.printable)")
      var table = Table("FOUND", "WHAT", "DETAIL")
      for finding in probe.findings {
        table.add(finding.present ? "yes" : "NO", finding.name, finding.detail)
      }
      table.print(empty: "")
      Terminal.line()
      var gates = Table("GATE", "HERE", "WEAKER")
      for strength in probe.strengths {
        gates.add(
          strength.gate, strength.possible ? "can be enforced" : "CANNOT BE ENFORCED",
          strength.weaker.isEmpty ? "-" : strength.weaker.joined(separator: "; "))
      }
      gates.print(empty: "")
    }
    if !probe.gates { throw ExitCode(1) }
  }
}
