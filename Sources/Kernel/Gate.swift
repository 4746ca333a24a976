internal import BPFKit
internal import CTelosABI

/// The gates, by what they stand before. Raw values are names for people and for the wire.
public enum Gate: String, Sendable, Codable, CaseIterable {
  case identity, exec, network, file, egress, `guard`

  init?(code: UInt8) {
    switch UInt32(code) {
    case TELOS_GATE_IDENTITY.rawValue: self = .identity
    case TELOS_GATE_EXEC.rawValue: self = .exec
    case TELOS_GATE_NETWORK.rawValue: self = .network
    case TELOS_GATE_FILE.rawValue: self = .file
    case TELOS_GATE_EGRESS.rawValue: self = .egress
    case TELOS_GATE_GUARD.rawValue: self = .guard
    default: return nil
    }
  }

  /// The gate that a program of `gates.bpf.o` belongs to.
  init?(_ program: BPFObject.Program) {
    if let hook = program.lsmHook ?? program.tracepoint {
      self.init(hook: hook)
    } else if program.function != nil {
      self = .file  // what becomes of files and terminals
    } else if program.section.hasPrefix("cgroup_skb/") {
      self = .egress
    } else if program.section.hasPrefix("cgroup/") {
      self = .network
    } else {
      return nil
    }
  }

  /// The gate that an LSM hook or a tracepoint belongs to.
  init?(hook: String) {
    switch hook {
    case "task_alloc", "task_free", "task_prctl": self = .identity
    case "bprm_creds_for_exec", "cgroup_attach_task", "cgroup_mkdir", "cgroup_rmdir":
      self = .identity
    case "bprm_check_security", "mmap_file", "file_mprotect": self = .exec
    case "file_open", "file_permission", "file_receive", "inode_setxattr": self = .file
    case "mq_open": self = .file
    default:
      if hook.hasPrefix("path_") || hook.hasPrefix("inode_") || hook.hasPrefix("file_truncate") {
        self = .file
      } else if hook.hasPrefix("socket_") || hook.hasPrefix("unix_") || hook.hasPrefix("inet_")
        || hook.hasPrefix("sctp_") || hook.hasPrefix("mptcp_")
      {
        self = .network
      } else {
        self = .guard
      }
    }
  }
}

/// Whether one gate is in force, and what is missing if it is not.
public struct GateReport: Sendable, Hashable, Codable {
  public var gate: Gate
  /// Attached and, once the canary ran, proved by it.
  public var enforced: Bool
  /// Empty when enforced.
  public var reason: String

  public init(gate: Gate, enforced: Bool, reason: String = "") {
    self.gate = gate
    self.enforced = enforced
    self.reason = reason
  }
}
