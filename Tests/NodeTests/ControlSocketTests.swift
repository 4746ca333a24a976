import FoundationEssentials
import Glibc
import Logging
import TelosAPI
import TelosCore
import Testing

@testable import Node

/// Answers as a daemon would, and remembers what it was asked.
actor RecordedActions: ControlActions {
  var starts: [(RunRequest, Caller)] = []
  var binds: [BindRequest] = []

  func bind(_ request: BindRequest) async throws(TelosError) -> BindAnswer {
    try request.check()
    binds.append(request)
    return BindAnswer(agent: "000000000000002b", intent: "web")
  }

  func report(of agent: UInt64) async throws(TelosError) -> SelfReport {
    SelfReport(
      agent: AgentLaunch.name(agent),
      intent: .init(name: "read-logs", version: 3, digest: Digest(of: [1]).description),
      expires: "",
      state: "clean", windows: [], denials: [])
  }

  func start(_ request: RunRequest, for caller: Caller) async throws(TelosError) -> RunAnswer {
    try request.check()
    starts.append((request, caller))
    if request.intent == "refused" {
      throw TelosError(.refused, "this node does not enforce", hint: "telos probe")
    }
    return RunAnswer(
      agent: "000000000000002a", cookie: (.max, 1), tmpdir: nil,
      stdio: "untilTaint", executable: "/usr/bin/cat")
  }

  nonisolated func status() async -> NodeStatus {
    NodeStatus(
      node: "n1", version: "1", kernel: "k", bootID: "b", mode: .hyperionOnly, ready: false,
      problems: ["x"], gates: [], xdp: "none", interfaces: [], held: [], coordinator: nil,
      certificateExpires: "", agents: 0, counters: [:])
  }

  func agents() async -> [AgentReport] { [] }
}

@Suite struct ControlSocketTests {
  /// Serves a control socket whose callers carry `agent` as their label.
  private func serve(
    agent: UInt64? = nil, _ body: (String, RecordedActions) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let actions = RecordedActions()
      let socket = try ControlSocket(
        path: "\(folder)/telos.sock",
        router: ControlRouter(actions: actions, group: { nil }), log: Logger(label: "test"),
        label: { _ in agent })
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await socket.run() }
        defer { group.cancelAll() }
        try await body(socket.path, actions)
      }
    }
  }

  private func post(_ path: String, _ body: String, _ socket: String) async throws -> (Int, String)
  {
    try await request(
      "POST \(path) HTTP/1.1\r\nHost: telos\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
      socket)
  }

  private func get(_ path: String, _ socket: String) async throws -> (Int, String) {
    try await request("GET \(path) HTTP/1.1\r\nHost: telos\r\nConnection: close\r\n\r\n", socket)
  }

  private func request(_ text: String, _ socket: String) async throws -> (Int, String) {
    let answer = try await blocking { () throws(TelosError) in
      // All tests run at once: this one's answer may have to wait for many others.
      try ControlQuery.exchange(Array(text.utf8), socket: socket, seconds: 120)
    }
    let status = Int(answer.split(separator: " ").dropFirst().first ?? "") ?? 0
    let body = answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) }
    return (status, body ?? "")
  }

  @Test func everybodyMayConnectAndTheKernelSaysWhoItIs() async throws {
    try await serve { socket, actions in
      let mode = FileStatus(socket)?.permissions
      #expect(mode == 0o666)
      let body = #"{"intent":"read-logs","argv":["cat","/x"],"cwd":"/","env":{"PATH":"/bin"}}"#
      let (status, answer) = try await post("/v1/run", body, socket)
      #expect(status == 200)
      #expect(
        answer
          == #"{"agent":"000000000000002a","cookie":["18446744073709551615","1"],"executable":"/usr/bin/cat","stdio":"untilTaint"}"#
      )
      let (request, caller) = try #require(await actions.starts.first)
      #expect(request.argv == ["cat", "/x"] && request.env == ["PATH": "/bin"])
      #expect(caller.pid == getpid() && caller.uid == getuid() && caller.agent == nil)
    }
  }

  @Test func aRefusalIsAnErrorObjectWith409() async throws {
    try await serve { socket, _ in
      let (status, answer) = try await post(
        "/v1/run", #"{"intent":"refused","argv":["cat"],"cwd":"/"}"#, socket)
      #expect(status == 409)
      #expect(
        answer
          == #"{"error":{"code":"refused","hint":"telos probe","message":"this node does not enforce"}}"#
      )
    }
  }

  @Test(arguments: [
    "", "{", "[]", #"{"intent":"x"}"#, #"{"intent":"x","argv":[],"cwd":"/"}"#,
    #"{"intent":"x","argv":["cat"],"cwd":"relative"}"#,
    #"{"intent":"x","argv":["a\u0000b"],"cwd":"/"}"#,
    #"{"intent":"x","argv":["a"],"argvBytes":["YQBi"],"cwd":"/"}"#,
    #"{"intent":"x","argv":["a"],"argvBytes":["?"],"cwd":"/"}"#,
    #"{"intent":"x","argv":["a"],"cwd":"/","cwdBytes":"YQ=="}"#,
    #"{"intent":"x","argv":["cat"],"cwd":"/","ttlSeconds":0}"#,
    #"{"intent":"x","argv":["cat"],"cwd":"/","ttlSeconds":-1}"#,
  ])
  func aRequestThatIsNoneIsRefusedAsSuch(body: String) async throws {
    try await serve { socket, actions in
      let (status, answer) = try await post("/v1/run", body, socket)
      #expect(status == 400 && answer.contains("invalid-argument"), "\(status) \(answer)")
      #expect(await actions.starts.isEmpty)
    }
  }

  @Test func aRequestLargerThanItsBoundIsRefused() async throws {
    try await serve { socket, actions in
      let long = String(repeating: "x", count: 300 << 10)
      let (status, _) = try await post(
        "/v1/run", #"{"intent":"x","argv":["\#(long)"],"cwd":"/"}"#, socket)
      #expect(status == 400)
      #expect(await actions.starts.isEmpty)
    }
  }

  @Test func anAgentReadsItselfAndNothingElse() async throws {
    try await serve(agent: 0x2a) { socket, actions in
      let (status, answer) = try await get("/v1/self", socket)
      #expect(status == 200 && answer.contains(#""agent":"000000000000002a""#))
      for path in ["/v1/status", "/v1/agents"] {
        let denied = try await get(path, socket).0
        #expect(denied == 403)
      }
      let run = #"{"intent":"read-logs","argv":["cat"],"cwd":"/"}"#
      let started = try await post("/v1/run", run, socket).0
      #expect(started == 403)
      #expect(await actions.starts.isEmpty, "no agent starts an agent")
      let (missing, why) = try await post("/v1/declare", "{}", socket)
      #expect(missing == 404 && why.contains("POST /v1/declare does not exist"))
    }
  }

  @Test func aContainerIsBoundForRootAloneAndNeverForAnAgent() async throws {
    let body = #"{"pid":4711,"annotations":{"telos.dev/intent":"web"},"root":"/srv/image"}"#
    try await serve { socket, actions in
      let (status, answer) = try await post("/v1/bind", body, socket)
      #expect(status == (getuid() == 0 ? 200 : 403))
      guard getuid() == 0 else { return }
      #expect(answer == #"{"agent":"000000000000002b","intent":"web"}"#)
      let asked = await actions.binds
      #expect(
        asked == [
          BindRequest(pid: 4711, annotations: ["telos.dev/intent": "web"], root: "/srv/image")
        ])
      for bad in [
        "{}", #"{"pid":1,"annotations":{},"root":""}"#, #"{"pid":2,"annotations":{},"root":"x"}"#,
      ] {
        let refused = try await post("/v1/bind", bad, socket).0
        #expect(refused == 400, "\(bad)")
      }
    }
    try await serve(agent: 0x2a) { socket, actions in
      let status = try await post("/v1/bind", body, socket).0
      #expect(status == 403)
      #expect(await actions.binds.isEmpty)
    }
  }

  @Test func aCallerWithoutALabelHasNoSelf() async throws {
    try await serve { socket, _ in
      for (path, wanted) in [("/v1/self", 403), ("/v1/status", 200), ("/v1/nothing", 404)] {
        let status = try await get(path, socket).0
        #expect(status == wanted, "\(path)")
      }
    }
  }

  @Test func aConnectionWhoseLabelCannotBeReadIsClosed() async throws {
    try await withFolder { folder in
      let socket = try ControlSocket(
        path: "\(folder)/telos.sock",
        router: ControlRouter(actions: RecordedActions(), group: { nil }),
        log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        label: { _ in throw TelosError(.kernel, "no map") })
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await socket.run() }
        defer { group.cancelAll() }
        let answer = try await request(
          "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", socket.path)
        #expect(answer.0 != 200)
      }
    }
  }

  @Test func operatorsAreRootAndTheGroupAndNeverAgents() {
    #expect(Caller(pid: 1, uid: 0, gid: 0).isOperator(group: nil))
    #expect(!Caller(pid: 1, uid: 0, gid: 0, agent: 5).isOperator(group: nil))
    #expect(!Caller(pid: 1, uid: 1000, gid: 1000).isOperator(group: nil))
    #expect(!Caller(pid: 1, uid: 1000, gid: 1000).isOperator(group: 77))
    #expect(Caller(pid: 1, uid: 1000, gid: 77).isOperator(group: 77))
    #expect(Caller(pid: 1, uid: 1000, gid: 1000, groups: [5, 77]).isOperator(group: 77))
  }

  @Test func theSocketOfADaemonBeforeIsReplaced() async throws {
    try await withFolder { folder in
      for _ in 0..<2 {
        _ = try ControlSocket(
          path: "\(folder)/telos.sock",
          router: ControlRouter(actions: RecordedActions(), group: { nil }),
          log: Logger(label: "test"), label: { _ in nil })
      }
      #expect(FileStatus("\(folder)/telos.sock")?.kind == .socket)
    }
  }
}
