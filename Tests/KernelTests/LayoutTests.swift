import CTelosABI
import Testing

@testable import Kernel

@Suite("What kernel and daemon share")
struct LayoutTests {
  @Test("every shared structure has the size that the kernel programs were built with")
  func sizes() {
    #expect(MemoryLayout<telos_inode>.size == 16)
    #expect(MemoryLayout<telos_task>.size == 16)
    #expect(MemoryLayout<telos_agent>.size == 136)
    #expect(MemoryLayout<telos_place>.size == 40)
    #expect(MemoryLayout<telos_place_path>.size == Int(TELOS_PATH))
    #expect(MemoryLayout<telos_domain>.size == 16)
    #expect(MemoryLayout<telos_cookie>.size == 16)
    #expect(MemoryLayout<telos_registration>.size == 24)
    #expect(MemoryLayout<telos_inode_entry>.size == 16)
    #expect(MemoryLayout<telos_rule_key>.size == 24)
    #expect(MemoryLayout<telos_rule>.size == 40)
    #expect(MemoryLayout<telos_tail>.size == 48)
    #expect(MemoryLayout<telos_tail_set>.size == 8 + 48 * Int(TELOS_TAILS))
    #expect(MemoryLayout<telos_window_key>.size == 28)
    #expect(MemoryLayout<telos_port>.size == 16)
    #expect(MemoryLayout<telos_window>.size == 8 + 16 * Int(TELOS_PORTS))
    #expect(MemoryLayout<telos_socket>.size == 16)
    #expect(MemoryLayout<telos_process>.size == 20)
    #expect(
      MemoryLayout<telos_event>.size
        == 104 + 20 * Int(TELOS_LINEAGE) + Int(TELOS_PATH))
    #expect(MemoryLayout<telos_prefix4>.size == 8)
    #expect(MemoryLayout<telos_prefix6>.size == 20)
    #expect(MemoryLayout<telos_hyperion>.size == 48)
  }

  @Test("`active` and `has` are one aligned word, which the programs load at once")
  func oneWord() {
    #expect(MemoryLayout<telos_hyperion>.offset(of: \.active) == 0)
    #expect(MemoryLayout<telos_hyperion>.offset(of: \.has) == 4)
  }

  @Test("rule and state flags have the kernel's values")
  func flags() {
    #expect(RuleFlags.exec.rawValue == TELOS_RULE_EXEC.rawValue)
    #expect(RuleFlags.interpreter.rawValue == TELOS_RULE_INTERP.rawValue)
    #expect(RuleFlags.hash.rawValue == TELOS_RULE_HASH.rawValue)
    #expect(RuleFlags.critical.rawValue == TELOS_RULE_CRITICAL.rawValue)
    #expect(RuleFlags.warn.rawValue == TELOS_RULE_WARN.rawValue)
    #expect(RuleFlags.write.rawValue == TELOS_RULE_WRITE.rawValue)
    #expect(RuleFlags.own.rawValue == TELOS_RULE_OWN.rawValue)
    #expect(RuleFlags.unix.rawValue == TELOS_RULE_UNIX.rawValue)
    #expect(RuleFlags.shut.rawValue == TELOS_RULE_SHUT.rawValue)
    #expect(RuleFlags.keep.rawValue == TELOS_RULE_KEEP.rawValue)
    #expect(RuleFlags.memory.rawValue == TELOS_RULE_MEMORY.rawValue)
    #expect(RuleFlags.verity.rawValue == TELOS_RULE_VERITY.rawValue)
    #expect(RuleFlags.fixed.rawValue == TELOS_RULE_FIXED.rawValue)
    #expect(AgentState.tainted.rawValue == TELOS_TAINTED.rawValue)
    #expect(AgentState.slammed.rawValue == TELOS_SLAMMED.rawValue)
  }

  @Test("reasons and hooks are called what the header calls them")
  func names() {
    #expect(KernelNames.hooks.count == Int(TELOS_HOOKS.rawValue))
    #expect(KernelNames.hook(UInt8(TELOS_HOOK_FILE_OPEN.rawValue)) == "file-open")
    #expect(KernelNames.hook(UInt8(TELOS_HOOK_UNIX_MAY_SEND.rawValue)) == "unix-may-send")
    #expect(KernelNames.hook(UInt8(TELOS_HOOK_KEY.rawValue)) == "key")
    #expect(KernelNames.reason(UInt8(TELOS_REASON_NO_WINDOW.rawValue)) == "no-window")
    #expect(KernelNames.reason(UInt8(TELOS_REASON_APPROVED_FILE.rawValue)) == "approved-file")
    #expect(KernelNames.reason(UInt8(TELOS_REASON_TERMINAL.rawValue)) == "terminal")
    #expect(KernelNames.reason(250) == "reason-250")
  }
}
