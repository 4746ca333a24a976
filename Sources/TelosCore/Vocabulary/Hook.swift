/// Where in the kernel an event came from. Raw values are the names on the wire and for people; the order is that of
/// `enum telos_hook` in bpf/abi/telos_abi.h, and a test compares the two.
public enum Hook: String, Sendable, Codable, CaseIterable {
  case none
  case taskAlloc = "task-alloc"
  case taskFree = "task-free"
  case taskPrctl = "task-prctl"
  case bprmCheck = "bprm-check"
  case fileOpen = "file-open"
  case mmapFile = "mmap-file"
  case fileMprotect = "file-mprotect"
  case filePermission = "file-permission"
  case fileReceive = "file-receive"
  case fileIoctl = "file-ioctl"
  case pathUnlink = "path-unlink"
  case pathMkdir = "path-mkdir"
  case pathRmdir = "path-rmdir"
  case pathMknod = "path-mknod"
  case pathTruncate = "path-truncate"
  case pathSymlink = "path-symlink"
  case pathLink = "path-link"
  case pathRename = "path-rename"
  case pathChmod = "path-chmod"
  case pathChown = "path-chown"
  case inodeSetxattr = "inode-setxattr"
  case socketCreate = "socket-create"
  case socketPostCreate = "socket-post-create"
  case socketConnect = "socket-connect"
  case socketSendmsg = "socket-sendmsg"
  case socketListen = "socket-listen"
  case socketAccept = "socket-accept"
  case unixStreamConnect = "unix-stream-connect"
  case unixMaySend = "unix-may-send"
  case egress
  case bpf
  case ptrace
  case taskKill = "task-kill"
  case taskPrlimit = "task-prlimit"
  case sbMount = "sb-mount"
  case kernelReadFile = "kernel-read-file"
  case kernelModule = "kernel-module"
  case shmShmat = "shm-shmat"
  case msgQueue = "msg-queue"
  case key
  case netlink
  case lockedDown = "locked-down"
  case socketBind = "socket-bind"
  case perfEvent = "perf-event"
  case bprmCreds = "bprm-creds"
  case cgroupAttach = "cgroup-attach"
  case pathNotify = "path-notify"
  case fileFcntl = "file-fcntl"
  case fileLock = "file-lock"
  case capable
  case inodeSetattr = "inode-setattr"
  case ipc
  case initSecurityAnon = "init-security-anon"

  /// Of the kernel's number; nil for one that only a newer build knows.
  public init?(code: UInt8) {
    guard Int(code) < Self.allCases.count else { return nil }
    self = Self.allCases[Int(code)]
  }
}
