/// Where an answer goes.
enum ReplyPath {
  case datagram(socket: Int32, to: PeerAddress)
  case stream(Connection)

  var isStream: Bool { if case .stream = self { true } else { false } }
}
