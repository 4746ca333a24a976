internal import CLibpq
internal import FoundationEssentials
internal import TelosCore

/// What a connection string says, word by word. What service files and the environment add is not in it.
struct PostgreSQLOptions {
  /// Whether it holds a password, of a user or of a key.
  private(set) var holdsSecret = false
  private var values: [String: String] = [:]

  /// - Throws: `invalidArgument`, never with words of a text that may hold a password.
  init(_ connection: String) throws(TelosError) {
    var words: UnsafeMutablePointer<CChar>?
    let options = PQconninfoParse(connection, &words)
    defer {
      PQconninfoFree(options)
      PQfreemem(words)
    }
    let isURI = connection.contains("://")
    guard let options else {
      let isQuotable = !isURI && !connection.lowercased().contains("pass")
      let why = words.map { String(cString: $0).filter { !$0.isNewline } } ?? "no memory"
      throw TelosError(
        .invalidArgument,
        "this is no connection string of PostgreSQL" + (isQuotable ? ": \(why)" : ""),
        hint: "write it as host=db.example.org dbname=telos user=telos sslmode=verify-full")
    }
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        values[String(cString: keyword)] = String(cString: value)
        // How libpq marks what is not to be shown.
        if option.pointee.dispchar.map({ String(cString: $0) }) == "*" { holdsSecret = true }
      }
      option += 1
    }
    // A password with a slash in it, as it is in a URI: libpq takes its parts for a port and a database.
    if isURI, !ports.allSatisfy({ UInt16($0) != nil }) || self["dbname"]?.contains("@") == true {
      holdsSecret = true
    }
  }

  subscript(_ keyword: String) -> String? { values[keyword] }

  /// Whether every host is named, and is a folder of sockets or loopback.
  var isLocal: Bool {
    let hosts = list("hostaddr").isEmpty ? list("host") : list("hostaddr")
    return !hosts.isEmpty && hosts.allSatisfy(Self.isLocal)
  }

  private static func isLocal(_ host: String) -> Bool {
    if host.hasPrefix("/") || host.hasPrefix("@") { return true }
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  private var ports: [String] { list("port").filter { !$0.isEmpty } }

  private func list(_ keyword: String) -> [String] {
    guard let value = self[keyword], !value.isEmpty else { return [] }
    return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }
}
