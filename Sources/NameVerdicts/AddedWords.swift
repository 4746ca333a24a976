/// Words that are put before or after a brand to make a name that seems to be the brand's.
enum AddedWords {
  static func contains(_ text: ArraySlice<UInt8>) -> Bool {
    let text =
      text.first == UInt8(ascii: "-")
      ? text.dropFirst() : text.last == UInt8(ascii: "-") ? text.dropLast() : text
    return words.contains(Array(text))
  }

  /// Folded, as what they are compared with is.
  private static let words: Set<[UInt8]> = Set(
    """
    www web my the go get try app apps api apis cdn dev docs doc login logon signin signon sign secure security safe auth
    account accounts user users member members verify verification confirm update updates upgrade support help helpdesk
    service services client customer billing pay payment payments invoice wallet bank card store shop online site home
    portal admin panel dashboard console cloud host hosting server mail email webmail download downloads install setup
    registry packages package repo mirror mirrors static assets status info news team official inc corp group global
    usa uk eu china africa asia ltd llc company data ai ml bot chat pro plus free new
    """.split(whereSeparator: \.isWhitespace).map { LetterClasses.foldLetters(Array($0.utf8)) })
}
