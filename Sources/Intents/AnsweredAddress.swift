public import AddressSets

/// What becomes of one address in the answer for a permitted name.
public enum AnsweredAddress: Sendable, Hashable {
  /// It is handed out after these were opened; none where a window of the intent has it already.
  case handedOut(opening: [NameOpening])
  /// It is left out of the answer.
  case leftOut(Reason)

  public enum Reason: Sendable, Hashable {
    /// The address is a company's, and no entry for the name says `private: true`.
    case isPrivate
    /// The address is the machine's own, its link's, nobody's, or a metadata service.
    case isLocal
    /// `network.sensitive` has it, whatever the port: a client that only sorts its addresses would slam.
    case isSensitive
  }
}

extension AnsweredAddress.Reason {
  /// Why an address was left out, and what to write in the intent if it should not be: for people.
  public func text(_ address: IPAddress, of name: String) -> String {
    switch self {
    case .isPrivate:
      "\(name) has the private address \(address): its entry needs private: true, or network.allow a cidr entry for the address"
    case .isLocal:
      "\(name) has the address \(address), which no name opens: network.allow needs a cidr entry for it"
    case .isSensitive: "\(name) has the address \(address), which network.sensitive names"
    }
  }
}

extension NamePolicy {
  /// Whether an address of a permitted name is handed out, and what that opens.
  ///
  /// IPv4 addresses are judged alike in all their spellings: mapped, translated (NAT64) and tunnelled (6to4).
  public func judge(_ address: IPAddress, of rule: NameRule) -> AnsweredAddress {
    let prefix = IPPrefix(address)
    if sensitive.contains(where: { $0.target.contains(.cidr(prefix)) }) {
      return .leftOut(.isSensitive)
    }
    let isOpenAnyway = windows.contains { $0.target.contains(.cidr(prefix)) }
    switch AddressKind(address) {
    case .everybody: return .handedOut(opening: rule.openings)
    case .company:
      let opening = rule.openings.filter(\.isPrivate)
      return opening.isEmpty && !isOpenAnyway
        ? .leftOut(.isPrivate) : .handedOut(opening: opening)
    case .never: return isOpenAnyway ? .handedOut(opening: []) : .leftOut(.isLocal)
    }
  }
}
