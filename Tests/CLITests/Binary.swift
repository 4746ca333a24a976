import Glibc

/// Runs the built `telos` as a user would.
struct Binary {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// Beside the test runner; nil when it was not built.
  static let path: String? = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    let runner = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/telos"
    return access(path, X_OK) == 0 ? path : nil
  }()

  static let python = access("/usr/bin/python3", X_OK) == 0

  /// - Parameters:
  ///   - environment: all there is, beside PATH.
  ///   - input: the file that is standard input.
  static func run(
    _ words: [String], environment: [String: String] = [:], program: String? = nil,
    input: String = "/dev/null"
  ) throws -> Outcome {
    guard let program = program ?? path else { return Outcome(status: -1, output: "", errors: "") }
    let output = try TemporaryFile("")
    let errors = try TemporaryFile("")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_TRUNC, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors.path, O_WRONLY | O_TRUNC, 0)
    var variables = environment
    variables["PATH"] = variables["PATH"] ?? "/usr/bin:/bin"
    // The Swift runtime's libraries, where they are not with the system's.
    if let libraries = getenv("LD_LIBRARY_PATH") {
      variables["LD_LIBRARY_PATH"] = String(cString: libraries)
    }
    let arguments = ([program] + words).map { strdup($0) } + [nil]
    let variablesList = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in arguments + variablesList { free(pointer) } }
    var child = pid_t()
    let spawned = posix_spawn(&child, program, &actions, nil, arguments, variablesList)
    guard spawned == 0 else { return Outcome(status: -spawned, output: "", errors: "") }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    return Outcome(status: code, output: output.text, errors: errors.text)
  }
}

extension TemporaryFile {
  var text: String {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += chunk[..<count]
    }
  }
}
