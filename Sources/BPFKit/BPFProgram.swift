internal import CLibbpf
internal import Glibc

/// A loaded program.
public struct BPFProgram: Sendable {
  public let name: String
  let attachType: bpf_attach_type
  public let descriptor: Descriptor

  /// The kernel's number of it; changes with every load.
  public var id: UInt32 { get throws(BPFError) { try info().id } }

  private func info() throws(BPFError) -> clibbpf_program {
    var info = clibbpf_program()
    try check(clibbpf_program_info(descriptor.number, &info), "read about \(name)")
    return info
  }

  /// Attaches to the LSM hook or the tracepoint that the program was made for. Such a link can be neither updated nor
  /// detached: it ends with its last descriptor and pin.
  public func attachHook() throws(BPFError) -> BPFLink {
    let number = bpf_link_create(descriptor.number, 0, attachType, nil)
    try check(number, "attach \(name)")
    return BPFLink(Descriptor(owning: number))
  }

  /// Attaches beside what is attached there already. `cgroup` is an open cgroup2 folder.
  public func attach(cgroup: Descriptor) throws(BPFError) -> BPFLink {
    let number = bpf_link_create(descriptor.number, cgroup.number, attachType, nil)
    try check(number, "attach \(name) to a cgroup")
    return BPFLink(Descriptor(owning: number))
  }

  /// Attaches to one interface, in this mode only.
  public func attachXDP(interface: UInt32, mode: XDPMode) throws(BPFError) -> BPFLink {
    let flags = mode == .native ? 1 << 2 : 1 << 1  // XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE
    let number = clibbpf_link_xdp(descriptor.number, Int32(interface), UInt32(flags))
    try check(number, "attach \(name) to interface \(interface), \(mode.rawValue)")
    return BPFLink(Descriptor(owning: number))
  }

  /// What one run, or the last of several, answered.
  public struct TestRun: Sendable {
    public var answer: UInt32
    /// Mean over the repetitions.
    public var nanoseconds: UInt32
  }

  /// Runs it on bytes, without any traffic (BPF_PROG_TEST_RUN).
  public func testRun(_ bytes: [UInt8], times: Int = 1) throws(BPFError) -> TestRun {
    var options = bpf_test_run_opts()
    options.sz = MemoryLayout<bpf_test_run_opts>.size
    options.repeat = Int32(times)
    let code = bytes.withUnsafeBytes { buffer in
      options.data_in = buffer.baseAddress
      options.data_size_in = UInt32(buffer.count)
      return bpf_prog_test_run_opts(descriptor.number, &options)
    }
    try check(code, "run \(name)")
    return TestRun(answer: options.retval, nanoseconds: options.duration)
  }
}

/// How an XDP program sits on an interface.
public enum XDPMode: String, Sendable, Codable, CaseIterable {
  /// In the driver, before a packet buffer exists.
  case native
  /// In the stack: works on every interface, later and slower.
  case generic
  case none
}
