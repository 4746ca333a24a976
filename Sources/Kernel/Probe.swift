internal import BPFKit
internal import Glibc
internal import TelosCore

/// What this kernel can and cannot enforce.
public struct Probe: Sendable, Hashable, Codable {
  public struct Finding: Sendable, Hashable, Codable {
    public var name: String
    public var present: Bool
    /// What it means, or why it is missing.
    public var detail: String

    public init(name: String, present: Bool, detail: String) {
      self.name = name
      self.present = present
      self.detail = detail
    }
  }

  /// For example `6.12.74+deb13-amd64`.
  public var release: String
  public var findings: [Finding]
  /// All that the gates need is there.
  public var gates: Bool
  /// All that Hyperion needs is there.
  public var hyperion: Bool
  /// Each gate for itself, and Hyperion.
  public var strengths: [GateStrength]

  /// Looks, and loads an empty program to see; nothing is attached.
  public static func run() -> Probe {
    let types = access("/sys/kernel/btf/vmlinux", R_OK) == 0
    let refusal = lsmRefusal()
    let root = Result { () throws(TelosError) in try ControlGroupRoot() }
    let tried = Result { () throws(BPFError) in
      try BPFMap<UInt32, UInt32>.create(.array, name: "telos_probe", capacity: 1)
    }
    let maps = (try? tried.get()) != nil
    let ima =
      KernelTypes.hasLSMHook("bprm_check_security") && access("/sys/kernel/security/ima", F_OK) == 0
    var findings = [
      Finding(
        name: "btf", present: types,
        detail: types
          ? "/sys/kernel/btf/vmlinux" : "the kernel was built without CONFIG_DEBUG_INFO_BTF"),
      Finding(
        name: "bpf", present: maps, detail: maps ? "maps can be made" : "maps cannot be made"),
      Finding(
        name: "bpf-lsm", present: refusal == nil,
        detail: refusal ?? "LSM programs load, and bpf is an active LSM"),
    ]
    let tracing = refusal == nil ? tracingRefusal() : "not tried without LSM programs"
    findings.append(
      Finding(
        name: "tracing", present: tracing == nil,
        detail: tracing ?? "programs attach to functions: the fate of files and terminals"))
    switch root {
    case .success(let root):
      findings.append(Finding(name: "cgroup2-root", present: true, detail: root.path))
    case .failure(let error):
      findings.append(Finding(name: "cgroup2-root", present: false, detail: error.message))
    }
    findings.append(
      Finding(
        name: "ima", present: ima,
        detail: ima ? "content hashes of executables" : "no content hashes: approve by path alone"))
    findings.append(
      Finding(
        name: "fs-verity", present: readsVerity,
        detail: readsVerity
          ? "fs-verity digests of executables"
          : "no fs-verity digests: Linux 6.9 and later have them"))
    let cgroup = (try? root.get()) != nil
    let gates = refusal == nil && types && cgroup && tracing == nil
    let release = kernelRelease()
    return Probe(
      release: release, findings: findings, gates: gates, hyperion: maps && cgroup,
      strengths: GateStrength.all(
        release: release, gates: gates, hyperion: maps && cgroup, contentHashes: ima,
        verity: readsVerity))
  }

  /// Whether the exec gate can compare fs-verity digests on this kernel; `has_verity` of bpf/kernel.h asks the same.
  public static let readsVerity =
    KernelTypes.hasStructure("bpf_token") && KernelTypes.hasStructure("fsverity_info")

  /// Why programs cannot be attached to the kernel's functions; nil if they can. The file gate has such.
  static func tracingRefusal() -> String? {
    do throws(BPFError) {
      try KernelTypes.tryTracing("vfs_unlink")
      return nil
    } catch {
      return "no program can be attached to a function (\(error.reason)): the kernel needs "
        + "CONFIG_FUNCTION_TRACER with direct calls, and /proc/sys/kernel/ftrace_enabled 1"
    }
  }

  /// Why LSM programs cannot be used here; nil if they can.
  public static func lsmRefusal() -> String? {
    do throws(BPFError) {
      try KernelTypes.tryLSM()
    } catch {
      return "the kernel refuses LSM programs: \(error.reason)"
    }
    // An attach works without it as well, and is never called.
    guard let active = activeModules() else {
      return "the list of active LSMs cannot be read: mount securityfs at /sys/kernel/security"
    }
    guard active.contains("bpf") else {
      return "bpf is not an active LSM (\(active.joined(separator: ","))): boot with lsm=…,bpf"
    }
    return nil
  }

  /// The security modules of the running kernel, in order; nil where securityfs is missing and cannot be mounted.
  static func activeModules() -> [String]? {
    let path = "/sys/kernel/security/lsm"
    if access(path, R_OK) != 0 {
      _ = mount("securityfs", "/sys/kernel/security", "securityfs", 2 | 4 | 8, nil)
    }
    guard let bytes = try? DurableFile.read(path, limit: 4096) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split { $0 == "," || $0 == "\n" }.map(String.init)
  }

  static func kernelRelease() -> String {
    let bytes = (try? DurableFile.read("/proc/sys/kernel/osrelease", limit: 4096)) ?? []
    return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
  }
}
