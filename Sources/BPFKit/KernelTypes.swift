internal import CLibbpf
internal import Glibc

/// What the running kernel knows of itself (BTF) and admits.
public enum KernelTypes {
  /// Whether there is an LSM hook of this name to attach to. False as well where there is no BTF.
  public static func hasLSMHook(_ name: String) -> Bool {
    (try? LibbpfLog.capture { () throws(BPFError) in
      try check(libbpf_find_vmlinux_btf_id(name, BPF_LSM_MAC), "find the hook \(name)")
    }) != nil
  }

  /// Whether the kernel has a function of this name that programs may be attached to. False as well where there is no BTF.
  public static func hasFunction(_ name: String) -> Bool {
    (try? LibbpfLog.capture { () throws(BPFError) in
      try check(libbpf_find_vmlinux_btf_id(name, BPF_TRACE_FENTRY), "find the function \(name)")
    }) != nil
  }

  /// Whether the kernel has a structure of this name. False as well where there is no BTF.
  public static func hasStructure(_ name: String) -> Bool {
    guard let types = btf__load_vmlinux_btf() else { return false }
    defer { btf__free(types) }
    return btf__find_by_name_kind(types, name, 4) > 0  // BTF_KIND_STRUCT
  }

  /// Loads an LSM program that does nothing, and attaches it nowhere.
  public static func tryLSM() throws(BPFError) {
    try LibbpfLog.capture { () throws(BPFError) in
      let number = clibbpf_load_empty_lsm()
      try check(number, "load an LSM program")
      close(number)
    }
  }
  /// Attaches a program that does nothing to the exit of a function, and detaches it again.
  public static func tryTracing(_ function: String) throws(BPFError) {
    try LibbpfLog.capture { () throws(BPFError) in
      let number = clibbpf_load_empty_fexit(function)
      try check(number, "load a program for the function \(function)")
      defer { close(number) }
      let link = bpf_link_create(number, 0, BPF_TRACE_FEXIT, nil)
      try check(link, "attach a program to the function \(function)")
      close(link)
    }
  }
}
