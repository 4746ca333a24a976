/// The reasons in words, for people and for agents that mean well: the one place that has them.
extension Reason {
  /// What was wrong, as a clause without a final stop.
  public var words: String {
    switch self {
    case .none:
      "no reason was given"
    case .notApproved:
      "the intent does not approve this program"
    case .agentWrote:
      "an agent wrote this file or may write it, so it may not be executed"
    case .anonymous:
      "executable memory must come from an approved file"
    case .content:
      "the content of the program is not what the intent approved"
    case .interpreter:
      "an ELF interpreter may not be run as a program"
    case .noWindow:
      "the intent has no window for this destination"
    case .windowExpired:
      "the window for this destination has expired"
    case .family:
      "sockets of this kind are not allowed"
    case .listen:
      "the intent does not open this port of the agent to others"
    case .slammed:
      "the agent read something critical, so nothing of it leaves the machine any more, and it may write only what files.whileTainted names"
    case .ttl:
      "the time of the intent is over"
    case .unmanagedPeer:
      "the other end is a process outside this agent"
    case .writeRoot:
      "the agent may not write here"
    case .device:
      "the intent does not list this device"
    case .quota:
      "the agent has used up its share of the kernel's tables"
    case .state:
      "the kernel could not find or create the record of this agent, and refused to be safe"
    case .stdio:
      "standard input and output were closed by the taint"
    case .ptrace:
      "agents may not trace or read other processes"
    case .signal:
      "agents may not signal this process"
    case .bpf:
      "agents may not use bpf"
    case .mount:
      "agents may not change mounts"
    case .module:
      "agents may not load kernel code"
    case .ipc:
      "agents may not use shared memory and queues of processes outside"
    case .registered:
      "an agent cannot be started again under another intent"
    case .file:
      "it opened a sensitive file"
    case .address:
      "it contacted a sensitive address"
    case .domain:
      "it shared data with a tainted agent"
    case .terminal:
      "agents may not insert input into a terminal"
    case .approvedFile:
      "agents may not change an approved program"
    case .networkSetting:
      "agents may not change addresses, routes and interfaces"
    case .snapshot:
      "agents may not create file system snapshots: they would copy files that the agent did not open"
    case .nodeFile:
      "agents may not touch the files of the node itself"
    case .capability:
      "agents may not use this privilege over the whole machine"
    case .lock:
      "locks and leases on files that the agent may not write would stall other programs"
    case .foreign:
      "after a slam, the agent may not write a file that another agent writes too, or that was open for reading when the agent first wrote it"
    case .folder:
      "rules of the intent depend on this folder, so it may not be moved, replaced or removed"
    case .userfault:
      "agents may not use userfaultfd, which makes others wait for their memory"
    case .look:
      "agents may not look into processes outside of them"
    }
  }

  /// What to do instead; nil where there is nothing.
  public var advice: String? {
    switch self {
    case .notApproved:
      "use one of the programs that the intent lists, or ask for a new intent"
    case .agentWrote:
      "build below a folder that the intent names in exec.own"
    case .anonymous:
      "turn off just-in-time compilation if the program has a switch for it; otherwise the intent has to set exec.jit"
    case .interpreter:
      "run the program itself"
    case .noWindow:
      "use an address and port that the intent allows"
    case .windowExpired:
      "stop, and be started again under the intent"
    case .family:
      "use plain TCP or UDP over IPv4 or IPv6"
    case .listen:
      "the intent has to name the port in network.listen, or set {own: true} there if only the agent itself connects to it; a client needs no port of its own"
    case .slammed:
      "finish without the network, in $TMPDIR; a person has to look at the incident"
    case .ttl:
      "stop, and be started again under an intent"
    case .unmanagedPeer:
      "the intent has to name the socket in unix.allow"
    case .writeRoot:
      "write in the working directory or in $TMPDIR"
    case .quota:
      "end some processes, or write fewer new files"
    case .state:
      "try again; if it happens again, an operator has to look at the node"
    case .registered:
      "`telos self` shows the present one"
    case .capability:
      "do without root's powers"
    case .lock:
      "lock a file in a folder that the intent lets it write"
    case .foreign:
      "a person has to look at the incident"
    case .folder:
      "work on what is in it"
    case .look:
      "nothing is needed: what the agent may see is shown"
    case .none, .content, .device, .stdio, .ptrace, .signal, .bpf, .mount, .module, .ipc, .file,
      .address, .domain, .terminal, .approvedFile, .networkSetting, .snapshot, .nodeFile,
      .userfault:
      nil
    }
  }

  /// The words of a name from the wire; the name itself where only a newer build knows it.
  public static func words(_ name: String) -> String { Reason(rawValue: name)?.words ?? name }

  /// What to do instead; nil where there is nothing, and for names that only a newer build knows.
  public static func advice(_ name: String) -> String? { Reason(rawValue: name)?.advice }
}
