internal import NameProxy

extension ResolvConf {
  /// As a resolv.conf.
  var text: String {
    servers.map { "nameserver \($0.description)\n" }.joined() + (usesTCP ? "options use-vc\n" : "")
  }

  /// For a log.
  var list: String { servers.map(\.description).joined(separator: " ") }
}
