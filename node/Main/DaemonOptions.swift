import ArgumentParser
import FoundationEssentials
import Node
import TelosCore

/// What every subcommand takes: where things are.
struct DaemonOptions: ParsableArguments {
  @Option(help: "The data folder.")
  var data = "/var/lib/telos"

  @Option(help: "Configuration file. Default: /etc/telos/node.yaml, if it exists.")
  var config: String?

  /// Reads the configuration; only the standard file may be missing.
  func configuration() throws -> NodeConfiguration {
    let path = config ?? "/etc/telos/node.yaml"
    do throws(TelosError) {
      let text = String(decoding: try DurableFile.read(path, limit: 1 << 20), as: UTF8.self)
      return try NodeConfiguration(yaml: text, path: path)
    } catch {
      guard error.code == .notFound, config == nil else { throw error }
      return NodeConfiguration()
    }
  }
}

func parseLabels(_ texts: [String]) throws -> Labels {
  var labels: Labels = [:]
  for text in texts.flatMap({ $0.split(separator: ",") }) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw ValidationError("--label takes key=value, not \"\(text)\"")
    }
    labels[String(parts[0])] = String(parts[1])
  }
  return labels
}
