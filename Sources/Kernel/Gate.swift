internal import BPFKit
internal import CTelosABI
public import TelosCore

extension Gate {
  /// The kernel's number. Source: `enum telos_gate`.
  var code: UInt8 {
    let code =
      switch self {
      case .identity: TELOS_GATE_IDENTITY
      case .exec: TELOS_GATE_EXEC
      case .network: TELOS_GATE_NETWORK
      case .file: TELOS_GATE_FILE
      case .egress: TELOS_GATE_EGRESS
      case .guard: TELOS_GATE_GUARD
      }
    return UInt8(code.rawValue)
  }

  init?(code: UInt8) {
    guard let gate = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = gate
  }

  /// The gate that a program of `gates.bpf.o` belongs to.
  init?(_ program: BPFObject.Program) {
    if let hook = program.lsmHook ?? program.tracepoint {
      self.init(hook: hook)
    } else if program.function != nil {
      self = .file  // the fate of files and terminals
    } else if program.section.hasPrefix("cgroup_skb/") {
      self = .egress
    } else if program.section.hasPrefix("cgroup/") || program.isSocketFilter {
      self = .network  // what steers questions for names, and the filters of the proxy's sockets
    } else {
      return nil
    }
  }

  /// The gate that an LSM hook or a tracepoint belongs to; nil for one that no program here is attached to. Whoever adds a program
  /// names its hook here: a test looks every program up.
  init?(hook: String) {
    for (gate, hooks) in Self.hooks where hooks.contains(hook) {
      self = gate
      return
    }
    return nil
  }

  private static let hooks: [(Gate, Set<String>)] = [
    (
      .identity,
      [
        "bprm_creds_for_exec", "cgroup_attach_task", "cgroup_mkdir", "cgroup_rmdir", "task_alloc",
        "task_free", "task_prctl",
      ]
    ),
    (.exec, ["bprm_check_security", "file_mprotect", "mmap_file"]),
    (
      .file,
      [
        "file_open", "file_permission", "file_receive", "file_truncate",
        "inode_init_security_anon", "inode_remove_acl", "inode_removexattr", "inode_set_acl",
        "inode_setattr", "inode_setxattr", "path_chmod", "path_chown", "path_link", "path_mkdir",
        "path_mknod", "path_notify", "path_rename", "path_rmdir", "path_symlink", "path_truncate",
        "path_unlink",
      ]
    ),
    (
      .network,
      [
        "inet_conn_request", "socket_accept", "socket_bind", "socket_connect", "socket_create",
        "socket_listen", "socket_post_create", "socket_sendmsg", "unix_may_send",
        "unix_stream_connect",
      ]
    ),
    (
      .guard,
      [
        "bpf", "capable", "file_fcntl", "file_ioctl", "file_ioctl_compat", "file_lock",
        "ipc_permission", "kernel_load_data", "kernel_module_request", "kernel_read_file",
        "key_alloc", "key_permission", "locked_down", "move_mount", "msg_queue_alloc_security",
        "msg_queue_free_security", "msg_queue_msgctl", "netlink_send", "perf_event_open",
        "ptrace_access_check", "ptrace_traceme", "sb_mount", "sb_pivotroot", "sb_umount",
        "sem_alloc_security", "sem_free_security", "sem_semctl", "shm_alloc_security",
        "shm_free_security", "shm_shmctl", "task_kill", "task_setioprio", "task_setnice",
        "task_setrlimit", "task_setscheduler",
      ]
    ),
  ]
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
