import Glibc

/// Runs the built `telos` as a user would.
struct Binary {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  static let path = beside("telos")

  /// A program beside the test runner; nil when it was not built.
  static func beside(_ name: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    let runner = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
    return access(path, X_OK) == 0 ? path : nil
  }

  static let python = access("/usr/bin/python3", X_OK) == 0

  /// - Parameters:
  ///   - environment: all there is, beside PATH.
  ///   - input: the file that is standard input.
  ///   - output: the file that is standard output; nil: one whose text is in the outcome.
  static func run(
    _ words: [String], environment: [String: String] = [:], program: String? = nil,
    input: String = "/dev/null", output place: String? = nil
  ) throws -> Outcome {
    guard let program = program ?? path else { return Outcome(status: -1, output: "", errors: "") }
    let output = try TemporaryFile("")
    let errors = try TemporaryFile("")
    let child = try start(
      words, environment: environment, program: program, input: input,
      output: place ?? output.path, errors: errors.path)
    guard child > 0 else { return Outcome(status: child, output: "", errors: "") }
    return Outcome(status: end(of: child), output: output.text, errors: errors.text)
  }

  /// The status of a child that ended.
  static func end(of child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  }

  /// Its process id; a negative error number if it cannot be started.
  static func start(
    _ words: [String], environment: [String: String], program: String, input: String = "/dev/null",
    output: String, errors: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_TRUNC, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_TRUNC, 0)
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
    return spawned == 0 ? child : -spawned
  }
}

/// A program that runs while a test goes on, and is killed with the value.
final class Running {
  let output: TemporaryFile
  let errors: TemporaryFile
  private(set) var process: pid_t

  init(_ words: [String], environment: [String: String] = [:], program: String) throws {
    output = try TemporaryFile("")
    errors = try TemporaryFile("")
    process = try Binary.start(
      words, environment: environment, program: program, output: output.path, errors: errors.path)
  }

  var isAlive: Bool { process > 0 && waitpid(process, nil, WNOHANG) == 0 }

  func kill() {
    guard process > 0 else { return }
    Glibc.kill(process, SIGKILL)
    _ = Binary.end(of: process)
    process = 0
  }

  deinit { kill() }
}

/// Whether something becomes true within two minutes.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<1200 {
    if try condition() { return true }
    usleep(100_000)
  }
  return false
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
