internal import Glibc
internal import TelosCore

/// An executable file, looked at.
struct Program {
  var kind: ProgramKind
  /// Why it counts as one binary that is many programs; nil if it does not.
  var multiCall: String?

  /// Multi-call binaries are told by their content up to this size, above it by their name alone. BusyBox and toybox
  /// have one to two MiB.
  private static let scannedBytes = 4 << 20
  private static let headBytes = 64 << 10
  /// Where PT_INTERP lies behind the head, as tools that edit ELF files leave it.
  private static let longBytes = 64 << 20

  init(_ file: RootView.Found, _ view: RootView) throws(TelosError) {
    let isSmall = file.size <= Self.scannedBytes
    var content = try view.head(of: file, limit: isSmall ? Self.scannedBytes : Self.headBytes)
    multiCall = Self.multiCall(name: file.name.description, content: isSmall ? content : [])
    kind = ProgramKind(content)
    if !isSmall, kind == .elf(interpreter: nil) {
      content = try view.head(of: file, limit: Self.longBytes)
      kind = ProgramKind(content)
    }
  }

  private static let names = ["busybox", "toybox", "coreutils", "uutils", "sbase-box"]
  private static let texts = [
    "BusyBox is a multi-call binary", "usage: toybox", "--coreutils-prog", "(multi-call binary)",
  ]

  private static func multiCall(name: String, content: [UInt8]) -> String? {
    if let known = names.first(where: { name == $0 || name.hasPrefix("\($0).") }) { return known }
    guard content.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return nil }
    return texts.first { text in
      content.withUnsafeBytes { content in Self.contains(content, Array(text.utf8)) }
    }
  }

  private static func contains(_ content: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
    guard let base = content.baseAddress, let first = text.first else { return false }
    var at = 0
    while at + text.count <= content.count {
      guard
        let hit = memchr(base + at, Int32(first), content.count - text.count + 1 - at)
      else { return false }
      if memcmp(hit, text, text.count) == 0 { return true }
      at = UnsafeRawPointer(hit) - base + 1
    }
    return false
  }
}
