internal import CLibbpf
internal import Glibc

/// A BPF object file: open, configure, load, attach, in that order. Dropping it closes what nothing else holds.
public struct BPFObject: ~Copyable {
  /// A program as the object file describes it.
  public struct Program: Sendable, Hashable {
    public var name: String
    /// The ELF section, which says where it belongs: `lsm.s/file_open`, `cgroup_skb/egress`, `xdp.frags`.
    public var section: String
    /// False where the section begins with `?`: it loads only when asked for.
    public var loads: Bool

    /// The LSM hook's name; nil for programs of other kinds.
    public var lsmHook: String? {
      guard let slash = section.firstIndex(of: "/") else { return nil }
      let kind = section[..<slash]
      guard kind == "lsm" || kind == "lsm.s" || kind == "?lsm" || kind == "?lsm.s" else {
        return nil
      }
      return String(section[section.index(after: slash)...])
    }

    /// The name of the kernel's tracepoint; nil for programs of other kinds.
    public var tracepoint: String? {
      section.hasPrefix("tp_btf/") ? String(section.dropFirst("tp_btf/".count)) : nil
    }

    /// The name of the kernel's function at whose entry or exit it runs; nil for programs of other kinds.
    public var function: String? {
      for kind in ["fentry/", "fexit/", "fentry.s/", "fexit.s/"] where section.hasPrefix(kind) {
        return String(section.dropFirst(kind.count))
      }
      return nil
    }

    /// Whether it is put on single sockets, and attached to nothing.
    public var isSocketFilter: Bool { section == "socket" }
  }

  /// A map as the object file describes it.
  public struct Map: Sendable, Hashable {
    /// Internal maps are called after their section: `.bss`, `.rodata`.
    public var name: String
    public var isInternal: Bool
    public var keySize: Int
    public var valueSize: Int
    public var capacity: Int
  }

  public let path: String
  private let raw: OpaquePointer

  public init(path: String) throws(BPFError) {
    self.path = path
    self.raw = try LibbpfLog.capture { () throws(BPFError) in
      try check(bpf_object__open_file(path, nil), "open \(path)")
    }
  }

  deinit { bpf_object__close(raw) }

  public var programs: [Program] {
    var result: [Program] = []
    var next = bpf_object__next_program(raw, nil)
    while let program = next {
      result.append(
        Program(
          name: String(cString: bpf_program__name(program)),
          section: String(cString: bpf_program__section_name(program)),
          loads: bpf_program__autoload(program)))
      next = bpf_object__next_program(raw, program)
    }
    return result
  }

  public var maps: [Map] {
    var result: [Map] = []
    var next = bpf_object__next_map(raw, nil)
    while let map = next {
      result.append(
        Map(
          name: String(cString: bpf_map__name(map)), isInternal: bpf_map__is_internal(map),
          keySize: Int(bpf_map__key_size(map)), valueSize: Int(bpf_map__value_size(map)),
          capacity: Int(bpf_map__max_entries(map))))
      next = bpf_object__next_map(raw, map)
    }
    return result
  }

  /// Whether a program takes part in ``load()``.
  public func setLoads(_ program: String, _ loads: Bool) throws(BPFError) {
    try check(
      bpf_program__set_autoload(self.program(program), loads), "choose whether \(program) loads")
  }

  /// The map is taken from `path` if it is pinned there, and pinned there by ``load()`` if not.
  public func setPin(_ map: String, _ path: String) throws(BPFError) {
    try check(bpf_map__set_pin_path(self.map(map), path), "set the pin of \(map)")
  }

  /// The object uses this map instead of one of its own.
  public func reuse(_ map: String, _ descriptor: Descriptor) throws(BPFError) {
    try check(bpf_map__reuse_fd(self.map(map), descriptor.number), "reuse the map \(map)")
  }

  public func setCapacity(_ map: String, _ entries: Int) throws(BPFError) {
    try check(
      bpf_map__set_max_entries(self.map(map), UInt32(entries)), "set the capacity of \(map)")
  }

  /// Gives a constant of the programs (`const volatile`, in `.rodata`) its value; before ``load()``.
  public func setConstant<Value: BitwiseCopyable>(_ name: String, _ value: Value) throws(BPFError) {
    let offset = try offset(of: name, inSection: ".rodata")
    guard let section = maps.first(where: { $0.isInternal && $0.name.hasSuffix(".rodata") }) else {
      throw BPFError("find the constants of \(path)", code: ENOENT)
    }
    let map = try map(section.name)
    var size = 0
    guard let initial = bpf_map__initial_value(map, &size),
      offset + MemoryLayout<Value>.size <= size
    else { throw BPFError("find the constant \(name)", code: ENOENT) }
    var bytes = [UInt8](UnsafeRawBufferPointer(start: initial, count: size))
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Value.self) }
    try check(bpf_map__set_initial_value(map, bytes, size), "set the constant \(name)")
  }

  /// Loads all programs or none. The error's log has the verifier's words; see ``failedProgram(in:)``.
  public func load() throws(BPFError) {
    try LibbpfLog.capture { () throws(BPFError) in
      try check(bpf_object__load(raw), "load \(path)")
    }
  }

  /// The program that a failed ``load()`` stopped at, out of libbpf's log: `prog 'NAME': …`.
  public func failedProgram(in error: BPFError) -> String? {
    for line in error.log.split(separator: "\n") {
      guard let start = line.firstRange(of: "prog '") else { continue }
      let rest = line[start.upperBound...]
      guard let end = rest.firstIndex(of: "'"), line.contains("fail") else { continue }
      let name = String(rest[..<end])
      if bpf_object__find_program_by_name(raw, name) != nil { return name }
    }
    return nil
  }

  public func loaded(_ name: String) throws(BPFError) -> BPFProgram {
    let descriptor = bpf_program__fd(try program(name))
    try check(descriptor, "find the loaded program \(name)")
    return BPFProgram(
      name: name, attachType: bpf_program__expected_attach_type(try program(name)),
      descriptor: try Descriptor(duplicating: descriptor))
  }

  public func map<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ name: String, key: Key.Type = Key.self, value: Value.Type = Value.self
  ) throws(BPFError) -> BPFMap<Key, Value> {
    try BPFMap(descriptor: descriptor(ofMap: name), name: name)
  }

  public func descriptor(ofMap name: String) throws(BPFError) -> Descriptor {
    let number = bpf_map__fd(try map(name))
    try check(number, "find the loaded map \(name)")
    return try Descriptor(duplicating: number)
  }

  /// Where a global variable lies in its section's map, in bytes.
  public func offset(of variable: String, inSection section: String) throws(BPFError) -> Int {
    let absent = BPFError("find the variable \(variable) in \(section)", code: ENOENT)
    guard let types = bpf_object__btf(raw) else { throw absent }
    let id = btf__find_by_name_kind(types, section, 15)  // BTF_KIND_DATASEC
    guard id > 0, let type = btf__type_by_id(types, UInt32(id)) else { throw absent }
    let members = UnsafeRawPointer(type + 1).assumingMemoryBound(to: btf_var_secinfo.self)
    for i in 0..<Int(type.pointee.info & 0xffff) {
      guard let member = btf__type_by_id(types, members[i].type),
        let name = btf__name_by_offset(types, member.pointee.name_off)
      else { continue }
      if String(cString: name) == variable { return Int(members[i].offset) }
    }
    throw absent
  }

  private func program(_ name: String) throws(BPFError) -> OpaquePointer {
    try check(bpf_object__find_program_by_name(raw, name), "find the program \(name)")
  }

  private func map(_ name: String) throws(BPFError) -> OpaquePointer {
    try check(bpf_object__find_map_by_name(raw, name), "find the map \(name)")
  }
}
