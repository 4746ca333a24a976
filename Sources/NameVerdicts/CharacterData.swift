internal import CICU
internal import TelosCore

/// What ICU knows about characters, and the reading of each letter in ASCII.
///
/// One per process, made at the first use: ICU takes some milliseconds and 30 MB of address space to load.
final class CharacterData: Sendable {
  /// Throws `unavailable` where ICU is not installed.
  static func loaded() throws(TelosError) -> CharacterData { try shared.get() }
  private static let shared = Result<CharacterData, TelosError> { () throws(TelosError) in
    try CharacterData()
  }

  /// "15.0.0 (ICU 72)".
  let version: String
  let letters: LetterTable
  /// Only read after `init`; ICU's functions may be called by several threads at once.
  private nonisolated(unsafe) let icu: UnsafeMutablePointer<cicu>

  private init() throws(TelosError) {
    icu = .allocate(capacity: 1)
    icu.initialize(to: cicu())
    if let missing = cicu_open(icu) {
      throw TelosError(
        .unavailable, "names cannot be judged without ICU: \(String(cString: missing)) is missing",
        hint: "apt-get install libicu\(U_ICU_VERSION_MAJOR_NUM)")
    }
    var numbers = [UInt8](repeating: 0, count: 4)
    cicu_unicode_version(icu, &numbers)
    version = "\(numbers[0]).\(numbers[1]).\(numbers[2]) (ICU \(U_ICU_VERSION_MAJOR_NUM))"
    letters = LetterTable(icu)
  }

  /// `name` with its A-labels as Unicode; nil where one is not valid.
  func toUnicode(_ name: [UInt8]) -> [UInt8]? { converted(name, cicu_to_unicode) }

  /// `name`, UTF-8, in A-labels and lower case; nil where a label cannot be one.
  func toASCII(_ name: [UInt8]) -> [UInt8]? { converted(name, cicu_to_ascii) }

  private func converted(
    _ name: [UInt8],
    _ convert: (
      UnsafePointer<cicu>?, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<CChar>?, Int32
    ) -> Int32
  ) -> [UInt8]? {
    // A name of 253 bytes has at most as many characters, of four bytes each.
    let capacity = 1024
    var count: Int32 = -1
    let result = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
      name.withUnsafeBytes { from in
        buffer.withMemoryRebound(to: CChar.self) { to in
          count = convert(
            icu, from.bindMemory(to: CChar.self).baseAddress, Int32(name.count), to.baseAddress,
            Int32(capacity))
        }
      }
      initialized = max(0, Int(count))
    }
    return count < 0 ? nil : result
  }

  /// Whether the label mixes scripts as no language does.
  func isMixed(_ label: [UInt8]) -> Bool {
    label.withUnsafeBytes {
      cicu_is_mixed(icu, $0.bindMemory(to: CChar.self).baseAddress, Int32(label.count)) != 0
    }
  }

  /// The character's name in Unicode's data, as in LATIN SMALL LETTER DOTLESS I.
  func name(of character: Unicode.Scalar) -> String { LetterTable.name(icu, character.value) }

}
