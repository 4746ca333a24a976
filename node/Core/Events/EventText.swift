internal import AddressSets
internal import FleetWire
internal import Kernel
internal import TelosCore

/// What happened, in words for people; the reason has a name of its own in the record.
enum EventText {
  static func detail(_ event: KernelEvent, _ origins: [Telos_Fleet_V1_Origin] = []) -> String {
    let what = subject(event)
    switch event.kind {
    case .started: return "the agent started"
    case .ended: return "the agent's last process ended"
    case .exec: return "ran \(what)"
    case .tainted: return "tainted by \(what)"
    case .slammed where event.reason == "domain":
      return "slammed by \(SlamStory.words(path: event.path.description, origins))"
    case .slammed: return "slammed by \(what)"
    case .denied: return "refused \(what)"
    case .wouldDeny: return "would have refused \(what)"
    case .merged: return "shares data with another agent from now on"
    case .unknown: return "an event that this version does not know"
    }
  }

  private static func subject(_ event: KernelEvent) -> String {
    if let address = event.address {
      let host = address.isV4 ? address.description : "[\(address)]"
      let transport = event.transport.isEmpty ? "" : "\(event.transport) "
      return event.port == 0 ? "\(transport)\(address)" : "\(transport)\(host):\(event.port)"
    }
    if !event.path.isEmpty { return event.path.description }
    return event.hook == "none" ? "an operation" : event.hook
  }

  /// A reason in words that tell a well-meaning agent what to do otherwise.
  static func reason(_ reason: String) -> String {
    texts[reason] ?? reason
  }

  private static let texts = [
    "none": "no reason given",
    "not-approved": "the intent does not approve this program",
    "agent-wrote": "an agent wrote this file, or may write it, and the intent does not let it run",
    "anonymous": "code must come from an approved file",
    "content": "the content is not the approved one",
    "interpreter": "a dynamic linker may not be started as a program",
    "no-window": "the intent does not allow this destination",
    "window-expired": "the time of this destination is over",
    "family": "this kind of socket is not allowed",
    "listen": "the intent does not open this port of the agent's to others",
    "slammed": "after reading something critical nothing leaves this machine",
    "ttl": "the intent's time is over",
    "unmanaged-peer": "the other end is a process outside of the intent",
    "write-root": "the intent does not allow writing here",
    "device": "this device is not allowed",
    "quota": "the agent used up its share",
    "state": "the agent's record was not found",
    "stdio": "standard streams are closed to it",
    "ptrace": "other processes may not be traced",
    "look": "processes outside of this agent are not looked into",
    "signal": "the node's own processes may not be signalled",
    "bpf": "BPF is not for agents",
    "mount": "mounting is not for agents",
    "module": "kernel modules are not for agents",
    "ipc": "this channel leads out of the agent",
    "registered": "it is an agent already",
    "file": "the file is sensitive",
    "address": "the address is sensitive",
    "domain": "it shares data with an agent that read something sensitive",
    "terminal": "input may not be put into a terminal",
    "approved-file": "an approved program may not be changed",
    "network-setting": "addresses, routes and interfaces are not for agents to change",
    "node-file": "files of the node's own are not for agents",
    "capability": "this privilege over the whole machine is not for agents",
    "lock": "locks on files that it may not write are not for agents",
    "foreign": "after a slam nothing goes into a file that others write or had open",
    "folder": "rules depend on this folder",
    "userfault": "agents may not let others wait for their memory",
    "snapshot": "a file system may not copy for an agent what it did not open",
  ]
}
