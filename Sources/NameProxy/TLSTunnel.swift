public import AddressSets
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
public import TelosCore

/// DNS over TLS for libunbound, which Debian builds without TLS: a port of 127.0.0.1 whose TCP connections go on, as TLS, to one
/// server. Messages by TCP and by TLS are framed alike (RFC 7858), so that nothing of them is read here.
///
/// Any process of this machine may connect to it, and reaches with it what the server answers to anybody.
public final class TLSTunnel: Sendable {
  public struct Server: Sendable, Hashable {
    public var address: IPAddress
    public var port: UInt16
    /// The name that its certificate has to be for.
    public var name: String

    public init(address: IPAddress, port: UInt16 = 853, name: String) {
      (self.address, self.port, self.name) = (address, port, name)
    }
  }

  private let listener: any Channel
  /// Where libunbound finds the server.
  public let port: UInt16

  /// The server as libunbound is told of it; ``UpstreamConfiguration/usesTCP`` has to be set.
  public var upstream: UpstreamConfiguration.Server {
    .init(ResolvConf.Server(address: IPAddress(v4: 0x7f00_0001)), port: port)
  }

  /// - Parameter authorities: a file with the certificates to trust; nil for the machine's own.
  public static func open(to server: Server, authorities: String? = nil) async throws(TelosError)
    -> TLSTunnel
  {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["dot"]
    if let authorities { configuration.trustRoots = .file(authorities) }
    do {
      let context = try NIOSSLContext(configuration: configuration)
      let target = try SocketAddress(ipAddress: "\(server.address)", port: Int(server.port))
      let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.backlog, value: 128)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { near in
          Self.connect(near, to: target, named: server.name, context)
        }
        .bind(host: "127.0.0.1", port: 0).get()
      guard let port = listener.localAddress?.port else {
        throw TelosError(.internalError, "a tunnel for DNS over TLS has no port")
      }
      return TLSTunnel(listener, UInt16(port))
    } catch let error as TelosError {
      throw error
    } catch {
      throw TelosError(
        .unavailable, "cannot prepare DNS over TLS to \(server.name) (\(server.address)): \(error)")
    }
  }

  private init(_ listener: any Channel, _ port: UInt16) {
    (self.listener, self.port) = (listener, port)
  }

  deinit { listener.close(promise: nil) }

  /// What comes from libunbound waits until the server's certificate was found to be its own.
  private static func connect(
    _ near: any Channel, to target: SocketAddress, named name: String, _ context: NIOSSLContext
  ) -> EventLoopFuture<Void> {
    ClientBootstrap(group: near.eventLoop)
      .connectTimeout(.seconds(4))
      .channelInitializer { far in
        far.eventLoop.makeCompletedFuture {
          let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
          try far.pipeline.syncOperations.addHandler(handler)
        }
      }
      .connect(to: target)
      .flatMap { far in
        near.eventLoop.makeCompletedFuture {
          let (one, other) = TunnelEnd.pair()
          try near.pipeline.syncOperations.addHandler(one)
          try far.pipeline.syncOperations.addHandler(other)
          near.setOption(.autoRead, value: true).whenFailure { _ in near.close(promise: nil) }
        }
      }
      .flatMapError { error in
        near.close().flatMapThrowing { throw error }
      }
  }
}

/// One of two channels: what comes in goes out at the other, and neither outlives the other.
private final class TunnelEnd: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var partner: TunnelEnd?
  private var context: ChannelHandlerContext?
  /// Reading was wished for while the other side had no room.
  private var waits = false

  static func pair() -> (TunnelEnd, TunnelEnd) {
    let (one, other) = (TunnelEnd(), TunnelEnd())
    (one.partner, other.partner) = (other, one)
    return (one, other)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    partner?.context?.write(NIOAny(unwrapInboundIn(data)), promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    partner?.context?.flush()
    context.fireChannelReadComplete()
  }

  func channelInactive(context: ChannelHandlerContext) {
    partner?.context?.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    partner?.context?.close(promise: nil)
    context.close(promise: nil)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, let partner, partner.waits {
      partner.waits = false
      partner.context?.read()
    }
    context.fireChannelWritabilityChanged()
  }

  func read(context: ChannelHandlerContext) {
    if partner?.context?.channel.isWritable ?? true { context.read() } else { waits = true }
  }
}
