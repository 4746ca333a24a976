public import BPFKit
internal import Glibc
internal import Synchronization
public import TelosCore

/// Whether Hyperion sees what arrives at an interface.
public struct InterfaceStatus: Sendable, Hashable, Codable {
  public var name: String
  public var mode: XDPMode
  /// Why the mode is none, or not native; empty otherwise.
  public var reason: String

  public init(name: String, mode: XDPMode, reason: String = "") {
    self.name = name
    self.mode = mode
    self.reason = reason
  }
}

extension Hyperion {
  /// Puts the XDP program on every interface of the configuration that lacks it: at the start, and again when
  /// interfaces come and go. An interface that refuses is not an error; its status says so.
  public func attachInterfaces() throws(TelosError) {
    try writing.withLock { _ throws(TelosError) in
      let present = try NetworkInterface.up()
      let wanted = configuration.interfaces
      var status: [InterfaceStatus] = []
      for interface in present where wanted?.contains(interface.name) ?? true {
        status.append(try attach(interface))
      }
      for name in wanted ?? [] where !present.contains(where: { $0.name == name }) {
        status.append(
          InterfaceStatus(
            name: name, mode: .none, reason: "there is no such interface, or it is down"))
      }
      for pin in try configuration.pins.contents("links") where pin.hasPrefix("xdp-") {
        let kept = status.contains {
          configuration.pins.link("xdp-\($0.name)").hasSuffix("/\(pin)")
        }
        if !kept { try configuration.pins.unpin("\(configuration.pins.path)/links/\(pin)") }
      }
      attached.withLock { $0 = status }
    }
  }

  /// One entry an interface, with what the kernel says of it now.
  public func interfaces() -> [InterfaceStatus] {
    attached.withLock { $0 }.map { status in
      guard status.mode != .none,
        let current = try? XDPAttachment(interface: if_nametoindex(status.name)),
        (try? xdp.id) == current.program
      else {
        return status.mode == .none
          ? status
          : InterfaceStatus(
            name: status.name, mode: .none, reason: "the program is no longer attached to it")
      }
      return InterfaceStatus(name: status.name, mode: current.mode, reason: status.reason)
    }
  }

  private func attach(_ interface: NetworkInterface) throws(TelosError) -> InterfaceStatus {
    let pins = configuration.pins
    let path = pins.link("xdp-\(interface.name)")
    guard interface.isEthernet else {
      return InterfaceStatus(
        name: interface.name, mode: .none,
        reason: "not Ethernet: what it sends is filtered, what arrives is not")
    }
    if pins.exists(path) {
      if let link = try? BPFLink(pinned: path), let info = try? link.info(),
        info.interface == interface.index, (try? link.update(to: xdp)) != nil
      {
        let mode = (try? XDPAttachment(interface: interface.index))?.mode ?? .none
        return InterfaceStatus(name: interface.name, mode: mode)
      }
      try pins.unpin(path)  // of an interface that had this name before
    }
    var reason = ""
    for mode in [XDPMode.native, .generic] {
      do throws(BPFError) {
        try xdp.attachXDP(interface: interface.index, mode: mode).pin(path)
        return InterfaceStatus(name: interface.name, mode: mode, reason: reason)
      } catch {
        reason = reason.isEmpty ? error.description : "\(reason); \(error.description)"
      }
    }
    return InterfaceStatus(name: interface.name, mode: .none, reason: reason)
  }
}
