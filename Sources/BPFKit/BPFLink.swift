internal import CLibbpf
internal import Glibc

/// An attachment. It ends with its last descriptor and pin.
public struct BPFLink: ~Copyable, Sendable {
  private let descriptor: Descriptor

  init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  public init(pinned path: String) throws(BPFError) {
    self.descriptor = try Descriptor(pinned: path)
  }

  public func pin(_ path: String) throws(BPFError) { try descriptor.pin(path) }

  /// Puts another program in its place, at once for every packet. XDP and cgroup links only.
  public func update(to program: BPFProgram) throws(BPFError) {
    try check(
      bpf_link_update(descriptor.number, program.descriptor.number, nil),
      "put \(program.name) into its link")
  }

  public struct Info: Sendable, Hashable {
    public var id: UInt32
    /// The kernel's number of the program.
    public var program: UInt32
    /// 0 once the interface is gone.
    public var interface: UInt32
    /// The inode number of the cgroup; 1 is the root.
    public var cgroup: UInt64
  }

  public func info() throws(BPFError) -> Info {
    var info = clibbpf_link()
    try check(clibbpf_link_info(descriptor.number, &info), "read about a link")
    return Info(
      id: info.id, program: info.program, interface: info.interface, cgroup: info.cgroup)
  }
}

/// What XDP program is on an interface now.
public struct XDPAttachment: Sendable, Hashable {
  public var mode: XDPMode
  /// The kernel's number of the program; 0 for none.
  public var program: UInt32

  public init(interface: UInt32) throws(BPFError) {
    var options = bpf_xdp_query_opts()
    options.sz = MemoryLayout<bpf_xdp_query_opts>.size
    try check(
      bpf_xdp_query(Int32(interface), 0, &options), "ask for the XDP program of \(interface)")
    if options.drv_prog_id != 0 {
      (mode, program) = (.native, options.drv_prog_id)
    } else if options.skb_prog_id != 0 {
      (mode, program) = (.generic, options.skb_prog_id)
    } else {
      (mode, program) = (.none, 0)
    }
  }
}
