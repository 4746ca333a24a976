import BPFKit
import CTelosABI
import Glibc
import TelosCore
import Testing

@testable import BPFKit
@testable import Kernel

@Suite("How much the gates' maps hold", .serialized, .enabled(if: isRoot))
struct GateSizesTests {
  @Test("maps have the sizes that were asked for, and keep them while they are pinned")
  func sizes() throws {
    var small = GateSizes()
    (small.processes, small.files, small.rules, small.windows) = (2048, 8192, 4096, 512)
    small.names = 1024
    let first = try GateMapsOnly(sizes: small)
    let maps = first.gates.maps
    #expect(maps.tasks.capacity == 2048 && maps.inodes.capacity == 8192)
    #expect(maps.rules.capacity == 4096 && maps.windows.capacity == 512)
    #expect(maps.names.capacity == 1024)
    #expect(try first.table.use().allSatisfy { $0.configured == nil })

    var large = small
    large.files = 16384
    let second = try GateMapsOnly(sizes: large, again: first)
    #expect(second.gates.maps.inodes.capacity == 8192)
    let files = try #require(try second.table.use().first { $0.name == "files" })
    #expect(files == MapUse(name: "files", used: 0, capacity: 8192, configured: 16384))
    #expect(try second.table.use().count { $0.configured != nil } == 1)
  }

  @Test("each program belongs to a gate, by where it is attached")
  func gates() {
    func gate(_ section: String) -> Gate? {
      Gate(BPFObject.Program(name: "x", section: section, loads: true))
    }
    #expect(gate("fexit/vfs_unlink") == .file)
    #expect(gate("fentry/devpts_pty_kill") == .file)
    #expect(gate("cgroup_skb/egress") == .egress)
    #expect(gate("cgroup/connect4") == .network)
    #expect(gate("tp_btf/cgroup_mkdir") == .identity)
    #expect(gate("lsm.s/file_open") == .file)
    #expect(gate("lsm/ipc_permission") == .guard)
    #expect(gate("xdp.frags") == nil)
  }

  @Test("every program of the gates belongs to one of them")
  func all() throws {
    let object = try BPFObject(path: bpfObject("gates"))
    for program in object.programs { #expect(Gate(program) != nil, "\(program.section)") }
  }

  @Test("functions of the kernel are found by their names")
  func functions() {
    guard access("/sys/kernel/btf/vmlinux", R_OK) == 0 else { return }
    #expect(KernelTypes.hasFunction("vfs_unlink"))
    #expect(!KernelTypes.hasFunction("telos_there_is_no_such_function"))
  }
}
