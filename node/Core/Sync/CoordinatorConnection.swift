internal import AddressSets
internal import FleetIdentity
internal import FleetWire
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore
internal import TelosCore

/// How a node reaches a coordinator: gRPC over mutual TLS, the coordinator known by its URI name.
struct CoordinatorConnection: Sendable {
  var source: CredentialSource
  var verification: CoordinatorVerification

  /// An IP set may be a few MiB; an envelope is at most 64 MiB.
  static let maximumMessage = 66 << 20

  static var options: CallOptions {
    var options = CallOptions.defaults
    options.maxResponseMessageBytes = maximumMessage
    options.maxRequestMessageBytes = maximumMessage
    return options
  }

  func transport(_ endpoint: Endpoint) throws -> HTTP2ClientTransport.Posix {
    try HTTP2ClientTransport.Posix(
      target: endpoint.target,
      transportSecurity: .mTLS(certificateReloader: source) { verification.configure(&$0) },
      config: .coordinator)
  }
}

extension HTTP2ClientTransport.Posix.Config {
  static var coordinator: Self {
    .defaults {
      // TLS has no server name for an address; the coordinator is known by its certificate anyway.
      $0.http2.authority = "coordinator"
      $0.connection.keepalive = .init(
        time: .seconds(20), timeout: .seconds(10), allowWithoutCalls: true)
      $0.backoff.initial = .milliseconds(200)
      $0.backoff.max = .seconds(5)
    }
  }
}

extension Endpoint {
  var target: any ResolvableTarget {
    guard (try? IPAddress(host)) != nil else { return .dns(host: host, port: port) }
    return host.contains(":")
      ? .ipv6(address: host, port: port) : .ipv4(address: host, port: port)
  }
}
