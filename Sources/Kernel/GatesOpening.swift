internal import BPFKit
internal import CTelosABI
public import TelosCore

extension Gates {
  /// Takes up the pinned gates, or loads and attaches them.
  ///
  /// A program that this kernel refuses is left out, and its gate reported as not enforced: see ``reports``.
  public static func open(_ configuration: Configuration) throws(TelosError) -> Outcome {
    if let reason = Probe.lsmRefusal() { return .hyperionOnly(reason: reason) }
    let build = Digest(of: try DurableFile.read(configuration.object))
    let links = GateLinks(configuration.pins)
    try links.abandon()
    let attached = try links.attached()
    let object = try kernel { () throws(BPFError) in try BPFObject(path: configuration.object) }
    try checkGlobals(object)
    if links.build() == build, let gates = try reuse(configuration, build, object, attached) {
      return .attached(gates)
    }
    return .attached(try load(configuration, build, onTrial: !attached.isEmpty))
  }

  private static func reuse(
    _ configuration: Configuration, _ build: Digest, _ object: borrowing BPFObject,
    _ attached: Set<String>
  ) throws(TelosError) -> Gates? {
    var missing: [String: String] = [:]
    for program in object.programs where !attached.contains(program.name) {
      guard let lack = lack(of: program) else { return nil }
      missing[program.name] = lack
    }
    let maps = try kernel { () throws(BPFError) in try GateMaps(configuration.pins) }
    return Gates(
      pins: configuration.pins, build: build, reused: true,
      reports: reports(object.programs, missing), sizes: configuration.sizes, maps: maps)
  }

  private static func load(_ configuration: Configuration, _ build: Digest, onTrial: Bool)
    throws(TelosError) -> Gates
  {
    let pins = configuration.pins
    var missing: [String: String] = [:]
    while true {
      let object = try kernel { () throws(BPFError) in try BPFObject(path: configuration.object) }
      do throws(BPFError) {
        try prepare(object, configuration, &missing)
        try object.setConstant("telos_build", UInt32(Gates.mark(of: build)))
        try object.setConstant("telos_secrets", secrets())
        try object.load()
      } catch {
        // All or nothing is libbpf's way: leave out what failed and try again.
        guard let failed = object.failedProgram(in: error), missing[failed] == nil else {
          throw TelosError(
            error,
            hint: error.code == mapMismatch
              ? "if the maps at \(pins.path) are of another build, restart the machine" : nil)
        }
        missing[failed] = "the kernel refuses the program: \(verdict(error))"
        continue
      }
      try attach(object, configuration, onTrial, &missing)
      let maps = try kernel { () throws(BPFError) in try GateMaps(pins) }
      if !onTrial { try GateLinks(pins).record(build) }
      return Gates(
        pins: pins, build: build, reused: false, reports: reports(object.programs, missing),
        sizes: configuration.sizes, maps: maps)
    }
  }

  private static func attach(
    _ object: borrowing BPFObject, _ configuration: Configuration, _ onTrial: Bool,
    _ missing: inout [String: String]
  ) throws(TelosError) {
    let links = GateLinks(configuration.pins)
    let cgroup = try configuration.root.open()
    // Identity last: no task is managed before every gate stands.
    let programs = object.programs.sorted { isIdentity($1) && !isIdentity($0) }
    for program in programs where missing[program.name] == nil {
      do throws(BPFError) {
        let loaded = try object.loaded(program.name)
        guard !program.isSocketFilter else {
          do throws(TelosError) {
            try links.pin(loaded, onTrial: onTrial)
          } catch {
            missing[program.name] = error.message
          }
          continue
        }
        let isHook =
          program.lsmHook != nil || program.tracepoint != nil || program.function != nil
        let link = isHook ? try loaded.attachHook() : try loaded.attach(cgroup: cgroup)
        do throws(TelosError) {
          try links.pin(link, program.name, onTrial: onTrial)
        } catch {
          missing[program.name] = error.message
        }
      } catch {
        missing[program.name] = error.description
      }
    }
  }

  private static func isIdentity(_ program: BPFObject.Program) -> Bool {
    Gate(program) == .identity
  }

  private static func reports(_ programs: [BPFObject.Program], _ missing: [String: String])
    -> [GateReport]
  {
    Gate.allCases.map { gate in
      // A program that no gate names counts for the guard, so that its absence shows.
      let own = programs.filter { (Gate($0) ?? .guard) == gate }
      let reasons = own.compactMap { program in
        missing[program.name].flatMap { $0.isEmpty ? nil : "\(program.name): \($0)" }
      }
      guard !own.isEmpty else {
        return GateReport(gate: gate, enforced: false, reason: "the object has no program for it")
      }
      return GateReport(
        gate: gate, enforced: reasons.isEmpty, reason: reasons.joined(separator: "; "))
    }
  }

  /// Filters and the resolver's answer are found by their offset in `struct telos_globals`.
  private static func checkGlobals(_ object: borrowing BPFObject) throws(TelosError) {
    let offset = try kernel { () throws(BPFError) in
      try object.offset(of: "telos", inSection: ".bss")
    }
    let map = object.maps.first { $0.name.hasSuffix(".bss") }
    guard offset == 0, map?.valueSize == Int(TELOS_GLOBALS_SIZE.rawValue) else {
      throw TelosError(
        .kernel, "\(object.path) has other global data than this daemon",
        hint: "install telos-node and its BPF objects from one build")
    }
  }

  /// The last lines of what the verifier said.
  private static func verdict(_ error: BPFError) -> String {
    let lines = error.log.split(separator: "\n").filter {
      !$0.hasPrefix("libbpf:") && !$0.hasPrefix("--")
    }
    let last = lines.filter { !$0.hasPrefix("processed ") }.suffix(2).joined(separator: " / ")
    return last.isEmpty ? error.reason : "\(error.reason): \(last.prefix(300))"
  }
}
