internal import Glibc
public import TelosCore

/// How a coordinator runs. Every value has a default; a file and then flags change them.
public struct Configuration: Sendable {
  /// A host and port to listen on, or to be called at.
  public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
      self.host = host
      self.port = port
    }

    /// Every address of the machine: `::` takes IPv4 as well, and where IPv6 is switched off there is only `0.0.0.0`.
    public static let anywhere = hasIPv6 ? "::" : "0.0.0.0"

    private static let hasIPv6: Bool = {
      let descriptor = socket(
        AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { return false }
      close(descriptor)
      return true
    }()

    /// Reads `HOST:PORT`, `[V6]:PORT`, and `*:PORT` for every address; port 0 lets the system choose.
    public init(_ text: String) throws(TelosError) {
      guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (0...65535).contains(port)
      else { throw Self.malformed(text) }
      var host = String(text[..<colon])
      if host.hasPrefix("["), host.hasSuffix("]") {
        host = String(host.dropFirst().dropLast())
      } else if host.contains(":") {
        throw Self.malformed(text)
      }
      guard !host.isEmpty else { throw Self.malformed(text) }
      if host == "*" { host = Self.anywhere }
      self.init(host: host, port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func malformed(_ text: String) -> TelosError {
      TelosError(
        .invalidArgument, "\"\(text)\" is not an address to listen on",
        hint: "write *:7443 for every address, or one as 192.0.2.1:7443 or [2001:db8::1]:7443")
    }
  }

  /// Where the store is.
  public enum Store: Sendable, Hashable {
    /// A file; nil for `coordinator.sqlite` in the data folder.
    case sqlite(String?)
    case postgresql(PostgreSQLAddress)
  }

  /// The data folder.
  public var data = "/var/lib/telos-coordinator"
  public var store = Store.sqlite(nil)
  /// gRPC with mutual TLS: sync and events.
  public var sync = Endpoint(host: Endpoint.anywhere, port: 7443)
  /// gRPC with a server certificate only: enrolment.
  public var enrolment = Endpoint(host: Endpoint.anywhere, port: 7444)
  /// HTTPS for CLI and view.
  public var api = Endpoint(host: Endpoint.anywhere, port: 7445)
  /// Metrics and health, plain HTTP: on loopback.
  public var operations = Endpoint(host: "127.0.0.1", port: 7447)
  /// In seconds; a manifest is issued anew after a sixth of it.
  public var manifestLifetime = 3600
  /// Days that events are kept after they came; nil for ever.
  public var keepEvents: Int?
  /// Bytes of events that a node may send in an hour; nil for any number.
  public var eventsPerNode: Int? = 256 << 20

  public init() {}
}
