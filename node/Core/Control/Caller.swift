internal import Glibc
internal import TelosCore

/// Who is at the other end of a connection to the control socket, as the kernel says it.
public struct Caller: Sendable, Hashable {
  public var pid: Int32
  public var uid: UInt32
  public var gid: UInt32
  public var groups: [UInt32]
  /// Of a managed caller, from the label that the gates put on the connection; nil for everybody else.
  public var agent: UInt64?

  public init(pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = [], agent: UInt64? = nil) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.agent = agent
  }

  /// Reads the credentials of a connected AF_UNIX socket: those of the moment of the connect.
  init(descriptor: Int32, agent: UInt64?) throws(TelosError) {
    var credentials = [UInt32](repeating: 0, count: 3)
    var size = socklen_t(12)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, size == 12
    else { throw TelosError(.internalError, "a caller of the control socket has no credentials") }
    let gidsOption: Int32 = 59  // SO_PEERGROUPS, asm-generic/socket.h
    var groups = [UInt32](repeating: 0, count: 1024)
    var bytes = socklen_t(groups.count * 4)
    if getsockopt(descriptor, SOL_SOCKET, gidsOption, &groups, &bytes) != 0 { bytes = 0 }
    self.init(
      pid: Int32(bitPattern: credentials[0]), uid: credentials[1], gid: credentials[2],
      groups: Array(groups.prefix(Int(bytes) / 4)), agent: agent)
  }

  /// Whether the caller may start agents and see the node's state: root, or a member of the group, and not managed.
  func isOperator(group: UInt32?) -> Bool {
    guard agent == nil else { return false }
    return uid == 0 || group.map { gid == $0 || groups.contains($0) } ?? false
  }
}

/// A group's number by its name, read from the system's own table; nil when there is none.
func groupNumber(_ name: String) -> UInt32? {
  guard let bytes = try? DurableFile.read("/etc/group", limit: 16 << 20) else { return nil }
  for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
    let fields = line.split(separator: ":", omittingEmptySubsequences: false)
    if fields.count >= 3, fields[0] == name { return UInt32(fields[2]) }
  }
  return nil
}
