import TelosCore
import CTelosABI
import Testing

@testable import Kernel

@Suite("What kernel and daemon share")
struct LayoutTests {
  @Test("every shared structure has the size that the kernel programs were built with")
  func sizes() {
    #expect(MemoryLayout<telos_inode>.size == 16)
    #expect(MemoryLayout<telos_task>.size == 16)
    #expect(MemoryLayout<telos_agent>.size == 144)
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
    #expect(MemoryLayout<telos_name_key>.size == 24)
    #expect(MemoryLayout<telos_caller_key>.size == 24)
    #expect(MemoryLayout<telos_socket>.size == 40)
    #expect(MemoryLayout<telos_steered>.size == 40)
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

  @Test(
    "kinds, gates, reasons and hooks are called what the header calls them, all of them and in its order"
  )
  func names() throws {
    let header = try Self.header()
    func numbers(_ list: String, _ prefix: String) throws -> [(name: String, value: Int)] {
      let body = try #require(
        header.firstMatch(of: try Regex("enum \(list) \\{([^}]*)\\}"))?.output[1].substring)
      var next = 0
      return body.replacing(try Regex(#"/\*(?s:.*?)\*/"#), with: "").split(separator: ",")
        .compactMap { entry in
          let parts = entry.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
          guard let name = parts.first, name.hasPrefix(prefix) else { return nil }
          next = parts.count > 1 ? Int(parts[1]) ?? next : next
          defer { next += 1 }
          return (
            name.dropFirst(prefix.count).lowercased().replacing("_", with: "-"), next
          )
        }
    }
    let hooks = try numbers("telos_hook", "TELOS_HOOK_")
    #expect(hooks.map(\.name) == Hook.allCases.map(\.rawValue))
    #expect(hooks.map(\.value) == Array(Hook.allCases.indices))
    let reasons = try numbers("telos_reason", "TELOS_REASON_")
    #expect(reasons.map(\.name) == Reason.allCases.map(\.rawValue))
    #expect(reasons.map(\.value) == Array(Reason.allCases.indices))
    let gates = try numbers("telos_gate", "TELOS_GATE_").filter { $0.name != "none" }
    #expect(gates.map(\.name) == Gate.allCases.map(\.rawValue))
    #expect(gates.map(\.value) == Gate.allCases.map { Int($0.code) })
    for (name, value) in try numbers("telos_event_kind", "TELOS_EVENT_") {
      var event = telos_event()
      event.kind = UInt8(value)
      #expect(KernelEvent(event).kind?.rawValue == name)
    }
  }

  @Test("what only a newer build numbers has no name here")
  func unknown() {
    #expect(Reason(code: UInt8(Reason.allCases.count)) == nil && Reason(code: 250) == nil)
    #expect(Hook(code: UInt8(TELOS_HOOKS.rawValue)) == nil)
    #expect(Gate(code: 0) == nil && Gate(code: UInt8(TELOS_GATES.rawValue)) == nil)
  }

  private static func header() throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    return String(
      decoding: try DurableFile.read("\(root)/bpf/abi/telos_abi.h"), as: UTF8.self)
  }
}
