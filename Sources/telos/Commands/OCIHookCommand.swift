internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore

struct OCIHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "oci-hook",
    abstract: "Bind a container to the intent that its annotations mean; for container runtimes.",
    discussion: """
      A hook of the stage createRuntime: reads the container's state on standard input, as the OCI's \
      runtime specification has it, and returns when the kernel holds the intent for the container's \
      cgroup. A status other than 0 keeps the container from starting: when the node refuses, and, if \
      an annotation begins with telos.dev/ or with --require, also when it cannot be reached.
      """)

  @Flag(help: "Keep containers from starting while the node cannot be reached.")
  var require = false

  func run() throws {
    let state = try ContainerState(InputFile.read("-", limit: 1 << 20))
    let isAsked = state.annotations.keys.contains { $0.hasPrefix("telos.dev/") }
    let request = BindRequest(
      pid: state.pid, annotations: state.annotations, root: try state.root())
    do throws(TelosError) {
      _ = try ControlSocket().post(NodeRoute.bind.path(), request)
    } catch {
      // The node's own refusals have other codes.
      guard error.code != .unavailable && error.code != .timeout || require || isAsked else {
        return
      }
      throw error
    }
  }
}

/// The state of a container that its runtime hands to hooks.
struct ContainerState {
  var pid: Int32
  /// The folder of its config.json.
  var bundle: String
  var annotations: [String: String]

  private struct Form: Decodable {
    var pid: Int32?
    var bundle: String?
    var annotations: [String: String]?
  }
  private struct Configuration: Decodable {
    struct Root: Decodable { var path: String }
    var root: Root?
  }

  init(_ bytes: [UInt8]) throws(TelosError) {
    guard let form = try? JSONDecoder().decode(Form.self, from: Data(bytes)), let pid = form.pid,
      let bundle = form.bundle, pid > 1, bundle.hasPrefix("/")
    else {
      throw TelosError(
        .invalidArgument, "standard input is not the state of a created container",
        hint: "this command is meant to be run by a container runtime, as a createRuntime hook")
    }
    (self.pid, self.bundle, annotations) = (pid, bundle, form.annotations ?? [:])
  }

  /// The folder that becomes the container's root, as its processes see it before it does.
  func root() throws(TelosError) -> String {
    let bytes = try DurableFile.read("\(bundle)/config.json", limit: 16 << 20)
    guard let form = try? JSONDecoder().decode(Configuration.self, from: Data(bytes)),
      let path = form.root?.path
    else { throw TelosError(.invalidArgument, "\(bundle)/config.json does not name a root") }
    let full = path.hasPrefix("/") ? path : "\(bundle)/\(path)"
    return full == "/" ? "" : full
  }
}
