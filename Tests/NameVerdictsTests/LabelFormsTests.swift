import Testing

@testable import NameVerdicts

@Suite("how labels are read")
struct LabelFormsTests {
  private func readings(_ label: String) throws -> [String] {
    let letters = try CharacterData.loaded().letters
    return LabelForms(unicode: Array(label.utf8), letters).forms.map {
      String(decoding: $0.reading, as: UTF8.self)
    }
  }

  @Test func marksHooksAndSmallCapitalsAreReadAsTheirLetter() throws {
    #expect(try readings("ġıṭħųƅ").first == "github")
    #expect(try readings("ɢɪᴛʜᴜʙ").first == "github")
    #expect(try readings("ƙυьеrnеtеѕ").first == "kubernetes")
  }

  @Test func otherAlphabetsThatLookLatinAreRead() throws {
    #expect(try readings("аррӏе").contains("appie") || readings("аррӏе").contains("apple"))
    #expect(try readings("раураӏ").contains("paypal"))
  }

  @Test func aLetterMayHaveTwoReadingsButALabelHasFewForms() throws {
    #expect(Set(try readings("ßa")) == ["ba", "ssa"])
    #expect(try readings(String(repeating: "ß", count: 30)).count <= LabelForms.mostForms)
  }

  @Test func whatLooksLikeNoLetterIsAQuestionMark() throws {
    #expect(try readings("中a") == ["?a"])
  }

  /// Hashes are kept for 256 bytes; a label has at most 59 characters that are not ASCII.
  @Test func noLetterIsReadAsMoreThanFourOnes() throws {
    let letters = try CharacterData.loaded().letters
    var count = 0
    for character in UInt32(0x80)...0x1_2000 {
      guard let reading = letters[character] else { continue }
      count += 1
      #expect(
        !reading.first.isEmpty && reading.first.count <= 4 && (reading.second?.count ?? 1) <= 4)
      #expect((reading.first + (reading.second ?? [])).allSatisfy { $0 >= 0x21 && $0 < 0x7f })
    }
    #expect(count > 800)
  }

  @Test func foldingWritesLookAlikesAlike() {
    func fold(_ text: String) -> String {
      String(decoding: LetterClasses.fold(Array(text.utf8)), as: UTF8.self)
    }
    #expect(fold("g1thub") == fold("github") && fold("github") == fold("glthub"))
    #expect(fold("rnicrosoft") == fold("microsoft") && fold("vvikipedia") == fold("wikipedia"))
    #expect(fold("clocker") == fold("docker"))
    #expect(fold("docker") != fold("socket"))
  }
}
