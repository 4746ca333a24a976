/// A label as it may be read: what stands there, and with look-alike letters written alike.
struct LabelForms {
  struct Form {
    /// In ASCII; `?` for a letter that looks like none.
    var reading: [UInt8]
    var folded: [UInt8]
    /// As `folded`, but pairs are left: what is cut from this is what the same cut of the reading gives.
    var lettered: [UInt8]

    init(_ reading: [UInt8]) {
      self.reading = reading
      folded = LetterClasses.fold(reading)
      lettered = LetterClasses.foldLetters(reading)
    }
  }

  /// The label in Unicode, as UTF-8, where it is not ASCII.
  let unicode: [UInt8]?
  /// One for an ASCII label; up to four for others.
  let forms: [Form]

  static let mostForms = 4

  init(ascii label: [UInt8]) {
    unicode = nil
    forms = [Form(label)]
  }

  init(unicode label: [UInt8], _ letters: LetterTable) {
    unicode = label
    var readings: [[UInt8]] = [[]]
    for scalar in String(decoding: label, as: UTF8.self).unicodeScalars {
      if scalar.isASCII {
        for index in readings.indices { readings[index].append(UInt8(scalar.value)) }
      } else if letters.isMark(scalar.value) {
        continue
      } else {
        let reading = letters[scalar.value] ?? LetterTable.Reading(first: [UInt8(ascii: "?")])
        let before = readings.count
        if let second = reading.second, before * 2 <= Self.mostForms {
          readings += readings.map { $0 + second }
        }
        for index in 0..<before { readings[index] += reading.first }
      }
    }
    forms = readings.map(Form.init)
  }
}
