internal import AddressSets
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore

/// What a request asks for, with everything in it checked.
extension BlocklistRequest {
  /// Whether addresses may be in the list that are not afterwards.
  var givesBack: Bool { replace != nil || remove?.isEmpty == false }

  /// Reads every entry before anything is changed; the first bad one is named by its place.
  func change(at now: Date) throws(TelosError) -> BlocklistChange {
    BlocklistChange(entries: try entries(), source: try source(at: now))
  }

  private func source(at now: Date) throws(TelosError) -> BlocklistSource {
    var source = BlocklistSource()
    if let set {
      guard (1...64).contains(set.utf8.count), set.utf8.allSatisfy(Self.isOfNames) else {
        throw TelosError(
          .invalidArgument, "\"\(set.bounded(80))\" is no name for a set",
          hint: "write 1 to 64 of a-z 0-9 . _ -; nothing was changed")
      }
      source.set = set
    }
    if let scope { source.scope = try BlocklistSource.canonical(scope: scope) }
    if let reason {
      guard reason.utf8.count <= BlocklistSource.maximumReason,
        !reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      else {
        throw TelosError(
          .invalidArgument,
          "the reason is no line of at most \(BlocklistSource.maximumReason) bytes",
          hint: "shorten it; nothing was changed")
      }
      source.reason = reason
    }
    if let priority {
      guard let byte = UInt8(exactly: priority) else {
        throw TelosError(
          .invalidArgument, "the priority \(priority) is not from 0 to 255",
          hint: "the usual one is \(BlocklistSource.usualPriority); nothing was changed")
      }
      source.priority = byte
    }
    if let ttlSeconds {
      guard (1...3650 * 86400).contains(ttlSeconds) else {
        throw TelosError(
          .invalidArgument, "ttlSeconds is not from 1 to \(3650 * 86400)",
          hint: "leave it out for entries without an end; nothing was changed")
      }
      // To the minute, so that what is listed together also ends together.
      let end = now.addingTimeInterval(TimeInterval(ttlSeconds)).timeIntervalSince1970
      source.expires = Date(timeIntervalSince1970: (end / 60).rounded(.up) * 60)
    }
    return source
  }

  private static func isOfNames(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private func entries() throws(TelosError) -> BlocklistChange.Entries {
    if let replace {
      guard add == nil, remove == nil else {
        throw TelosError(.invalidArgument, "replace cannot be combined with add or remove")
      }
      // A list that holds nothing is most often a download that failed.
      guard !replace.isEmpty || allowEmpty == true else {
        throw TelosError(
          .invalidArgument, "replace names no entry, which would clear the blocklist",
          hint: "if that is meant, send \"allowEmpty\": true; nothing was changed")
      }
      return .replace(try checkWidth(try Self.read(replace, "replace")))
    }
    guard add != nil || remove != nil else {
      throw TelosError(
        .invalidArgument, "the request does not name any entries",
        hint: "give add, remove or replace")
    }
    return .edit(
      add: try checkWidth(try Self.read(add ?? [], "add")),
      remove: try Self.read(remove ?? [], "remove"))
  }

  /// Blocks so wide that most often a typing mistake made them. Nobody who asks can leave this out.
  private func checkWidth(_ set: AddressSet) throws(TelosError) -> AddressSet {
    guard allowWide != true, let wide = IPPrefix.widest(of: set.entries) else { return set }
    throw TelosError(
      .invalidArgument, "the request names \(wide)",
      hint: "if that is meant, send \"allowWide\": true; nothing was changed")
  }

  private static func read(_ entries: [String], _ list: String) throws(TelosError) -> AddressSet {
    var prefixes: [IPPrefix] = []
    prefixes.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      do throws(TelosError) {
        prefixes.append(try IPPrefix(entry))
      } catch {
        throw TelosError(
          .invalidArgument, "entry \(index + 1) of \(list): \(error.message)",
          hint: (error.hint.map { "\($0); " } ?? "") + "nothing was changed")
      }
    }
    return AddressSet(prefixes)
  }
}
