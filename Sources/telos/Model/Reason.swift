/// The kernel's reasons in plain words, and what an agent that means well can do about each.
///
/// The names are the kebab-case of `enum telos_reason` in bpf/abi/telos_abi.h.
enum Reason {
  /// What was wrong; the name itself where this version does not know it.
  static func words(_ name: String) -> String { table[name]?.words ?? name }

  /// What to do instead; nil where there is nothing.
  static func advice(_ name: String) -> String? { table[name].flatMap { $0.advice } }

  static let table: [String: (words: String, advice: String?)] = [
    "not-approved": (
      "the intent does not approve this program",
      "use one of the programs that the intent lists, or ask for a new intent"
    ),
    "agent-wrote": (
      "an agent wrote this file, so it may not be executed",
      "build below a folder that the intent names in exec.own"
    ),
    "anonymous": (
      "executable memory without a file behind it",
      "turn off just-in-time compilation where the program has a switch for it; else the intent has to say exec.jit"
    ),
    "content": ("the program's content is not what the intent approved", nil),
    "interpreter": (
      "an ELF interpreter may not be run as a program", "run the program itself"
    ),
    "no-window": (
      "the intent has no window for this destination",
      "use an address and port that the intent allows"
    ),
    "window-expired": (
      "the window for this destination is over",
      "resolve the name again: an answer opens the window anew"
    ),
    "family": (
      "sockets of this kind are not allowed", "use plain TCP or UDP over IPv4 or IPv6"
    ),
    "listen": (
      "the intent does not open this port of the agent's to others",
      "the intent has to name it in network.listen, or say {own: true} there for what the agent asks itself; a client needs no port of its own"
    ),
    "slammed": (
      "it read something critical: nothing of it leaves the machine any more, and it writes only what files.whileTainted says",
      "finish without the network, in $TMPDIR; a person has to look at the incident"
    ),
    "ttl": (
      "the time of the intent is over", "stop, and be started again under an intent"
    ),
    "unmanaged-peer": (
      "the other end is a process outside this agent",
      "the intent has to name the socket in unix.allow"
    ),
    "write-root": (
      "outside the folders that this agent may write",
      "write in the working directory or in $TMPDIR"
    ),
    "device": ("this device is not on the list", nil),
    "quota": (
      "the agent has used up its share of the kernel's tables",
      "end some processes, or write fewer new files"
    ),
    "state": (
      "the kernel could not find or make its record, and refused to be safe",
      "try again; if it goes on, an operator has to look at the node"
    ),
    "stdio": ("standard output is shut since the taint", nil),
    "ptrace": ("other processes may not be traced or read", nil),
    "look": (
      "processes outside this agent are not looked into",
      "nothing: what it may see is shown"
    ),
    "signal": ("this process may not be signalled by an agent", nil),
    "bpf": ("agents may not use bpf", nil),
    "mount": ("agents may not change mounts", nil),
    "module": ("agents may not load kernel code", nil),
    "ipc": ("shared memory and queues of processes outside are shut", nil),
    "registered": (
      "an agent cannot be started under another intent", "`telos self` shows the present one"
    ),
    "file": ("it opened a sensitive file", nil),
    "address": ("it contacted a sensitive address", nil),
    "domain": ("it shared data with an agent that is tainted", nil),
    "terminal": ("input may not be put into a terminal", nil),
    "approved-file": ("an approved program may not be changed", nil),
    "network-setting": ("addresses, routes and interfaces are not for agents to change", nil),
    "node-file": ("files of the node's own are not for agents", nil),
    "capability": (
      "this privilege over the whole machine is not for agents", "do without root's powers"
    ),
    "lock": (
      "locks and leases on files that the agent may not write would stall others",
      "lock a file in a folder that the intent lets it write"
    ),
    "foreign": (
      "after a slam, a file that another agent writes too, or that was open for reading when it was first written, stays as it is",
      "a person has to look at the incident"
    ),
    "folder": (
      "rules of the intent depend on this folder: it is neither moved, replaced nor removed",
      "work on what is in it"
    ),
    "userfault": ("agents may not let others wait for their memory (userfaultfd)", nil),
    "snapshot": ("a file system may not copy for an agent what it did not open", nil),
  ]

  /// `EPERM`, for the few errno values that gates answer with.
  static func errno(_ value: Int) -> String? {
    switch abs(value) {
    case 0: nil
    case 1: "EPERM"
    case 11: "EAGAIN"
    case 12: "ENOMEM"
    case 13: "EACCES"
    default: "errno \(abs(value))"
    }
  }
}
