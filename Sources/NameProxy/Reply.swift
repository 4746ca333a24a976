/// An answer, ready for any client that asks the same: the id, the letters of the name, the ages and EDNS are the client's
/// own and are put in when it is sent.
struct Reply: Sendable {
  let question: Question
  let code: ResponseCode
  var explanation: Explanation?
  /// The message without EDNS, its id 0.
  private let message: [UInt8]
  /// Where the times to live stand in it.
  private let ages: [Int]
  var isAuthenticated = false

  /// The largest datagram that is sent, whatever a client says it takes.
  static let mostDatagram = 4096

  /// An answer without records. What says that there are none holds for `negativeSeconds`.
  init(
    question: Question, code: ResponseCode, explanation: Explanation? = nil,
    negativeSeconds: UInt32? = nil
  ) {
    self.init(
      question: question, code: code, explanation: explanation,
      message: MessageWriter.message(question, code, answers: nil, soa: negativeSeconds))
  }

  /// - Parameter message: complete, with this question in lower case, the id 0 and no EDNS.
  init(question: Question, code: ResponseCode, explanation: Explanation?, message: [UInt8]) {
    self.question = question
    self.code = code
    self.explanation = explanation
    self.message = message
    ages = Self.ages(of: message, after: 12 + question.name.bytes.count + 4)
  }

  /// - Parameters:
  ///   - seconds: put into every record in the place of its time to live; nil leaves them.
  ///   - isStream: sent by TCP, where 65,535 bytes fit.
  func bytes(for query: Query, seconds: UInt32? = nil, isStream: Bool = false) -> [UInt8] {
    let limit =
      isStream
      ? 65535 : query.datagramLimit.map { min(max(Int($0), 512), Self.mostDatagram) } ?? 512
    let options = query.datagramLimit.map { extras(echoing: $0) } ?? []
    let head = 12 + query.spelled.count + 4
    let fits = message.count + options.count <= limit
    var bytes = [UInt8]()
    bytes.reserveCapacity(fits ? message.count + options.count : head + options.count)
    bytes += fits ? message[...] : message[..<min(head, message.count)]
    bytes[0] = UInt8(query.id >> 8)
    bytes[1] = UInt8(truncatingIfNeeded: query.id)
    bytes[2] = 0x80 | (query.flags.contains(.recursionDesired) ? 1 : 0) | (fits ? 0 : 2)
    bytes[3] =
      0x80 | UInt8(code.rawValue & 15) | (query.flags.contains(.checkingDisabled) ? 0x10 : 0)
    if isAuthenticated, query.flags.contains(.wantsAuthenticated) { bytes[3] |= 0x20 }
    if query.spelled.count == question.name.bytes.count {
      bytes.replaceSubrange(12..<(12 + query.spelled.count), with: query.spelled)
      bytes[head - 2] = UInt8(query.classNumber >> 8)
      bytes[head - 1] = UInt8(query.classNumber & 255)
    }
    if !fits {
      // Windows come from the whole answer alone, and so do addresses: none of them is sent.
      for index in 6..<12 { bytes[index] = 0 }
    } else if let seconds {
      for at in ages {
        for byte in 0..<4 {
          bytes[at + byte] = UInt8(truncatingIfNeeded: seconds >> (24 - 8 * byte))
        }
      }
    }
    if !options.isEmpty {
      bytes[11] += 1
      bytes += options
    }
    return bytes
  }

  /// The record that carries EDNS, with the size that the client said.
  private func extras(echoing size: UInt16) -> [UInt8] {
    var option: [UInt8] = []
    if let explanation {
      let text = Array(explanation.text.utf8.prefix(200))
      let length = text.count + 2
      option = [0, 15, UInt8(length >> 8), UInt8(length & 255)]
      option += [UInt8(explanation.code.rawValue >> 8), UInt8(explanation.code.rawValue & 255)]
      option += text
    }
    return [0, 0, 41, UInt8(size >> 8), UInt8(size & 255), UInt8(code.rawValue >> 4), 0, 0, 0]
      + [UInt8(option.count >> 8), UInt8(option.count & 255)] + option
  }

  /// Where each record's time to live stands. The message is one that ldns wrote.
  private static func ages(of message: [UInt8], after start: Int) -> [Int] {
    var ages: [Int] = []
    var index = start
    while index < message.count {
      while index < message.count, message[index] != 0, message[index] < 0xc0 {
        index += Int(message[index]) + 1
      }
      guard index < message.count else { return ages }
      index += message[index] == 0 ? 1 : 2
      guard index + 10 <= message.count else { return ages }
      ages.append(index + 4)
      index += 10 + Int(message[index + 8]) << 8 + Int(message[index + 9])
    }
    return ages
  }
}
