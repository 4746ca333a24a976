/// Names of the ABI's numbers, in its order; a test holds them against `telos_abi.h`.
enum KernelNames {
  static let reasons = [
    "none", "not-approved", "agent-wrote", "anonymous", "content", "interpreter", "no-window",
    "window-expired", "family", "listen", "slammed", "ttl", "unmanaged-peer", "write-root",
    "device", "quota", "state", "stdio", "ptrace", "signal", "bpf", "mount", "module", "ipc",
    "registered", "file", "address", "domain", "terminal", "approved-file", "network-setting",
    "snapshot", "node-file", "capability", "lock", "foreign", "folder", "userfault",
    "look",
  ]

  static let hooks = [
    "none", "task-alloc", "task-free", "task-prctl", "bprm-check", "file-open", "mmap-file",
    "file-mprotect", "file-permission", "file-receive", "file-ioctl", "path-unlink", "path-mkdir",
    "path-rmdir", "path-mknod", "path-truncate", "path-symlink", "path-link", "path-rename",
    "path-chmod", "path-chown", "inode-setxattr", "socket-create", "socket-post-create",
    "socket-connect", "socket-sendmsg", "socket-listen", "socket-accept", "unix-stream-connect",
    "unix-may-send", "egress", "bpf", "ptrace", "task-kill", "task-prlimit", "sb-mount",
    "kernel-read-file", "kernel-module", "shm-shmat", "msg-queue", "key", "netlink", "locked-down",
    "socket-bind", "perf-event", "bprm-creds", "cgroup-attach",
    "path-notify", "file-fcntl", "file-lock", "capable", "inode-setattr", "ipc",
    "init-security-anon",
  ]

  static func reason(_ code: UInt8) -> String { name(code, reasons, "reason") }
  static func hook(_ code: UInt8) -> String { name(code, hooks, "hook") }

  private static func name(_ code: UInt8, _ names: [String], _ kind: String) -> String {
    Int(code) < names.count ? names[Int(code)] : "\(kind)-\(code)"
  }
}
