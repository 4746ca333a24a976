internal import TelosCore

/// What the first bytes of an executable say of it.
enum ProgramKind: Equatable {
  /// With the path of its ELF interpreter, if it has one.
  case elf(interpreter: BytePath?)
  /// The interpreter and the rest of the first line.
  case script(interpreter: BytePath, argument: BytePath)
  case other

  init(_ bytes: [UInt8]) {
    if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
      self = .elf(interpreter: Self.elfInterpreter(bytes))
    } else if bytes.starts(with: "#!".utf8) {
      self = Self.script(bytes)
    } else {
      self = .other
    }
  }

  /// The kernel reads as much. Source: `BINPRM_BUF_SIZE`.
  private static let lineBytes = 256

  private static func script(_ bytes: [UInt8]) -> ProgramKind {
    let line = bytes[2..<min(bytes.count, lineBytes)].prefix { $0 != UInt8(ascii: "\n") }
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let body = line.drop(while: isBlank)
    let path = body.prefix { !isBlank($0) && $0 != 0 }
    var rest = Array(body.dropFirst(path.count).drop(while: isBlank))
    while let last = rest.last, isBlank(last) || last == 0x0d { rest.removeLast() }
    guard !path.isEmpty else { return .other }
    return .script(
      interpreter: BytePath(bytes: path), argument: BytePath(bytes: rest))
  }

  /// The text of PT_INTERP. Both widths, little-endian, which is what this project runs on.
  /// - Returns: nil if it has none, or it is not within `bytes`.
  private static func elfInterpreter(_ bytes: [UInt8]) -> BytePath? {
    func number(_ offset: Int, _ width: Int) -> Int? {
      guard offset >= 0, offset + width <= bytes.count else { return nil }
      let value = bytes[offset..<(offset + width)].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      return Int(exactly: value)
    }
    let wide = bytes.count > 4 && bytes[4] == 2
    guard let table = number(wide ? 32 : 28, wide ? 8 : 4),
      let size = number(wide ? 54 : 42, 2), let count = number(wide ? 56 : 44, 2),
      table <= bytes.count, size >= 32
    else { return nil }
    for index in 0..<count {
      let header = table + index * size
      guard number(header, 4) == 3 else { continue }
      guard let offset = number(header + (wide ? 8 : 4), wide ? 8 : 4),
        let length = number(header + (wide ? 32 : 16), wide ? 8 : 4),
        offset <= bytes.count, length <= 4096, offset + length <= bytes.count
      else { return nil }
      return BytePath(bytes: bytes[offset..<(offset + length)].prefix { $0 != 0 })
    }
    return nil
  }
}
