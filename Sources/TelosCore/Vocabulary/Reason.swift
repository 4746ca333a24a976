/// Why the kernel refused something, or raised a taint. Raw values are the names on the wire; the order is that of
/// `enum telos_reason` in bpf/abi/telos_abi.h, and a test compares the two.
public enum Reason: String, Sendable, Codable, CaseIterable {
  case none
  case notApproved = "not-approved"
  case agentWrote = "agent-wrote"
  case anonymous
  case content
  case interpreter
  case noWindow = "no-window"
  case windowExpired = "window-expired"
  case family
  case listen
  case slammed
  case ttl
  case unmanagedPeer = "unmanaged-peer"
  case writeRoot = "write-root"
  case device
  case quota
  case state
  case stdio
  case ptrace
  case signal
  case bpf
  case mount
  case module
  case ipc
  case registered
  case file
  case address
  case domain
  case terminal
  case approvedFile = "approved-file"
  case networkSetting = "network-setting"
  case snapshot
  case nodeFile = "node-file"
  case capability
  case lock
  case foreign
  case folder
  case userfault
  case look

  /// Of the kernel's number; nil for one that only a newer build knows.
  public init?(code: UInt8) {
    guard Int(code) < Self.allCases.count else { return nil }
    self = Self.allCases[Int(code)]
  }

  /// What it says of an agent that was refused for it.
  public enum Weight: Sendable {
    /// What programs do that only look around, as `ps`, `top` and `lsof` at every process: never an incident, nor a part of one.
    case noise
    /// Honest programs meet it that do not know where they run: a sandbox that they would make, a kind of socket, the clock or
    /// the host name that they would set.
    case clumsy
    /// Where the guard refused for it, it means harm at once; elsewhere, when it comes often.
    case serious
  }

  public var weight: Weight {
    switch self {
    case .look: .noise
    case .capability, .mount, .ipc, .userfault, .family: .clumsy
    case .none, .notApproved, .agentWrote, .anonymous, .content, .interpreter, .noWindow,
      .windowExpired, .listen, .slammed, .ttl, .unmanagedPeer, .writeRoot, .device, .quota,
      .state, .stdio, .ptrace, .signal, .bpf, .module, .registered, .file, .address, .domain,
      .terminal, .approvedFile, .networkSetting, .snapshot, .nodeFile, .lock, .foreign, .folder:
      .serious
    }
  }
}
