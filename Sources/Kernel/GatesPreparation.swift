internal import BPFKit
internal import CTelosABI
internal import TelosCore

/// What is decided of an object before it is loaded.
extension Gates {
  static func secrets() -> telos_secrets {
    var generator = SystemRandomNumberGenerator()
    func odd() -> UInt64 { generator.next() | 1 }
    return telos_secrets(factor: (odd(), odd(), odd(), odd(), odd(), odd(), odd(), odd()))
  }

  static func prepare(
    _ object: borrowing BPFObject, _ configuration: Configuration,
    _ missing: inout [String: String]
  ) throws(BPFError) {
    let pins = configuration.pins
    try fit(object, configuration.sizes, pins)
    for map in object.maps {
      if map.name.hasSuffix(".bss") {
        try object.setPin(map.name, pins.map("globals"))
      } else if !map.isInternal {
        try object.setPin(map.name, pins.map(map.name))
      }
    }
    for program in object.programs {
      if missing[program.name] != nil {
        try object.setLoads(program.name, false)
      } else if program.lsmHook != nil || program.function != nil {
        let lack = lack(of: program)
        try object.setLoads(program.name, lack == nil)
        if let lack { missing[program.name] = lack }
      }
    }
  }

  /// As configured, but what is pinned stays as large as it is: programs that are attached use it.
  static func fit(_ object: borrowing BPFObject, _ sizes: GateSizes, _ pins: PinFolder)
    throws(BPFError)
  {
    for (name, entries) in sizes.maps {
      let path = pins.map(name)
      try object.setCapacity(
        name, pins.exists(path) ? try Descriptor(pinned: path).capacity : entries)
    }
  }

  /// Why a program cannot be there, because the kernel has no such hook or function: empty when it has no need of it, nil
  /// when it can be.
  static func lack(of program: BPFObject.Program) -> String? {
    if let function = program.function {
      return KernelTypes.hasFunction(function) ? nil : "this kernel has no function \(function)"
    }
    guard let hook = program.lsmHook, !KernelTypes.hasLSMHook(hook) else { return nil }
    switch hook {
    // Before 6.8 and the stable kernels that took it over, 32-bit callers come to `file_ioctl` as well.
    case "file_ioctl_compat": return ""
    // Before 6.2, access lists come to `inode_setxattr` and `inode_removexattr`.
    case "inode_set_acl", "inode_remove_acl": return ""
    // Before 6.2, `path_truncate` is asked instead.
    case "file_truncate": return ""
    default: return "this kernel has no hook \(hook)"
    }
  }
}
