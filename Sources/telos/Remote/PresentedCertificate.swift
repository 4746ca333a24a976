internal import FoundationEssentials
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TelosCore

/// The certificate that a coordinator shows, looked at once more after a verification failed: TLS itself does not say why.
struct PresentedCertificate: Sendable {
  let notBefore: Date
  let notAfter: Date
  /// Whether an authority of the configuration came with it, as a coordinator sends it. No proof, and none is needed: the
  /// connection was refused before.
  let isOurs: Bool

  /// Why a certificate of this fleet does not count; nil where it is another fleet's, or nothing is wrong with its dates.
  func problem(at coordinator: String, now: Date = Date()) -> TelosError? {
    guard isOurs, now < notBefore || now > notAfter else { return nil }
    let what =
      now > notAfter
      ? "expired at \(notAfter.rfc3339)" : "is not valid before \(notBefore.rfc3339)"
    return TelosError(
      .unauthenticated, "the certificate of \(coordinator) \(what)",
      hint:
        "this machine's clock says \(now.rfc3339): set it if it is wrong; a coordinator whose clock is right renews its "
        + "certificate by itself when it starts")
  }

  /// Connects once more and takes the certificate without believing it; nil where that does not work within five seconds.
  static func look(at access: Access) async -> PresentedCertificate? {
    guard let endpoint = endpoint(of: access.coordinator),
      let context = try? NIOSSLContext(configuration: .makeClientConfiguration())
    else { return nil }
    let (found, feed) = AsyncStream.makeStream(of: [NIOSSLCertificate].self)
    let connection = try? await ClientBootstrap(group: NIOSingletons.posixEventLoopGroup)
      .connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let name = isAddress(endpoint.host) ? nil : endpoint.host
          try channel.pipeline.syncOperations.addHandler(
            try NIOSSLClientHandler(context: context, serverHostname: name) { chain, verdict in
              feed.yield(chain)
              feed.finish()
              verdict.succeed(NIOSSLVerificationResult.failed)
            })
        }
      }
      .connect(host: endpoint.host, port: endpoint.port).get()
    guard let connection else { return nil }
    let timeout = Task {
      try await Task.sleep(for: .seconds(5))
      feed.finish()
    }
    defer { timeout.cancel() }
    var chain: [NIOSSLCertificate] = []
    for await presented in found { chain = presented }
    try? await connection.close()
    let isOurs = chain.contains { access.authorities.contains($0) }
    return chain.first.map { PresentedCertificate($0, isOurs: isOurs) }
  }

  private init(_ leaf: NIOSSLCertificate, isOurs: Bool) {
    notBefore = Date(timeIntervalSince1970: Double(leaf.notValidBefore))
    notAfter = Date(timeIntervalSince1970: Double(leaf.notValidAfter))
    self.isOurs = isOurs
  }

  /// - Parameter address: as ``Access/address(_:)`` leaves it.
  private static func endpoint(of address: String) -> (host: String, port: Int)? {
    let rest = address.dropFirst("https://".count)
    guard let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") else {
      return (rest.filter { !"[]".contains($0) }, 443)
    }
    guard let port = Int(rest[rest.index(after: colon)...]) else { return nil }
    return (rest[..<colon].filter { !"[]".contains($0) }, port)
  }

  private static func isAddress(_ host: String) -> Bool {
    (try? SocketAddress(ipAddress: host, port: 0)) != nil
  }
}
