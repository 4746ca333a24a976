internal import FoundationEssentials
internal import Glibc
internal import TelosCore

/// `config.json`. Paths in it are taken from its folder when they are relative.
struct Configuration: Codable, Sendable {
  /// URL with scheme and port.
  var coordinator: String
  /// PEM file of the fleet's certificate authorities: the only ones that count.
  var ca: String
  var tokenFile: String
}

/// The folder with `config.json`, the CA, the token and the operator's own `root.json`.
struct ConfigurationFolder: Sendable {
  var path: String

  /// `TELOS_CONFIG`, else `$XDG_CONFIG_HOME/telos`, else `~/.config/telos`.
  static func standard() throws(TelosError) -> ConfigurationFolder {
    if let path = Environment["TELOS_CONFIG"] { return ConfigurationFolder(path: path) }
    if let base = Environment["XDG_CONFIG_HOME"] {
      return ConfigurationFolder(path: base + "/telos")
    }
    guard let home = Environment["HOME"] ?? Account.home else {
      throw TelosError(
        .invalidArgument,
        "HOME is not set and user \(getuid()) has no home directory to hold the configuration",
        hint: "set HOME, or TELOS_CONFIG to the folder of config.json")
    }
    return ConfigurationFolder(path: home + "/.config/telos")
  }

  var file: String { path + "/config.json" }
  var rootFile: String { path + "/root.json" }

  /// Whether there is a configuration; not whether it is right.
  var exists: Bool { access(file, F_OK) == 0 }

  /// A path of the configuration, made absolute.
  func resolve(_ name: String) -> String { name.hasPrefix("/") ? name : "\(path)/\(name)" }

  /// Makes the folder, and those above it, with 0700.
  func make() throws(TelosError) {
    var prefix = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      prefix += prefix.isEmpty && part.isEmpty ? "/" : "\(part)/"
      guard prefix != "/" else { continue }
      if mkdir(prefix, 0o700) != 0 && errno != EEXIST {
        throw TelosError(
          .forbidden, "cannot make the folder \(prefix): \(String(cString: strerror(errno)))")
      }
    }
  }

  func read() throws(TelosError) -> Configuration {
    let bytes: [UInt8]
    do {
      bytes = try DurableFile.read(file, limit: 1 << 20)
    } catch  where error.code == .notFound {
      throw TelosError(
        .notFound, "no coordinator is configured: \(file) does not exist",
        hint: "telos login --coordinator https://HOST:7445 --ca ca.pem --token-file admin.token")
    }
    do {
      return try JSONDecoder().decode(Configuration.self, from: Data(bytes))
    } catch {
      throw TelosError(
        .invalidArgument, "\(file) is not a configuration: it needs coordinator, ca and tokenFile",
        hint: "write it again with `telos login`")
    }
  }

  func write(_ configuration: Configuration) throws(TelosError) {
    let text = try JSONOutput.text(configuration) + "\n"
    try DurableFile.write(Array(text.utf8), to: file, mode: 0o600)
  }
}

private enum Account {
  /// The home directory of whoever runs this, as the system's accounts have it: systemd units and containers often set no HOME.
  static var home: String? {
    guard let entry = getpwuid(getuid()), let folder = entry.pointee.pw_dir else { return nil }
    let path = String(cString: folder)
    return path.isEmpty ? nil : path
  }
}
