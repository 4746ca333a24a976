import TelosCore
import Testing

@Suite("the words for what the kernel says")
struct VocabularyTests {
  @Test("Every reason has words of its own that are a clause")
  func words() {
    for reason in Reason.allCases {
      #expect(reason.words != reason.rawValue && reason.words.count > 10, "\(reason)")
      #expect(!reason.words.hasSuffix(".") && reason.advice?.hasSuffix(".") != true, "\(reason)")
      #expect(Reason.words(reason.rawValue) == reason.words)
    }
    #expect(Set(Reason.allCases.map(\.words)).count == Reason.allCases.count)
    #expect(Reason.words("invented-later") == "invented-later")
    #expect(Reason.advice("invented-later") == nil)
  }

  @Test("Names are kebab-case, as the wire has them")
  func names() {
    let names =
      Reason.allCases.map(\.rawValue) + Hook.allCases.map(\.rawValue)
      + EventKind.allCases.map(\.rawValue) + Gate.allCases.map(\.rawValue)
    for name in names {
      #expect(name.allSatisfy { $0 == "-" || ("a"..."z").contains($0) || $0.isNumber }, "\(name)")
    }
  }
}
