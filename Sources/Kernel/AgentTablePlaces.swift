internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

/// Places: cgroups whose processes become an agent's as soon as they execute something there.
extension AgentTable {
  /// Bytes of a place's path.
  public static let longestPlace = Int(TELOS_PATH) - 2
  /// Components of a place's path.
  public static let deepestPlace = Int(TELOS_DEPTH)

  /// The agent of each place that is held by its path, whether or not the cgroup is there.
  public func places() throws(TelosError) -> [String: UInt64] {
    let entries = try kernel { () throws(BPFError) in try maps.places.entries() }
    return Dictionary(entries.map { ($0.key.text, $0.value.agent) }) { first, _ in first }
  }

  /// Agents that have a cgroup now.
  public func settled() throws(TelosError) -> Set<UInt64> {
    Set(try kernel { () throws(BPFError) in try maps.cgroups.entries() }.map(\.value.agent))
  }

  /// Makes a place, which begins with "/", an agent's: the cgroup that is there, unless another agent still lives in it,
  /// and each that is made there later.
  ///
  /// - Parameters:
  ///   - ttl: seconds from the first entry on.
  ///   - opener: the program that sets the place up, and is nobody's while it does.
  public func hold(
    _ place: String, for id: UInt64, ttl: UInt64, opener: FileIdentity? = nil,
    below root: ControlGroupRoot
  ) throws(TelosError) {
    let key = try telos_place_path(place)
    let value = try form(id, ttl, TELOS_PLACE_NAMED.rawValue, opener)
    try state.withLock { _ throws(TelosError) in
      // In this order: a cgroup that is made in between is entered by the kernel, and found here.
      try put(true)
      do throws(BPFError) { try maps.places.update(key, value) } catch {
        throw error.code == 7 ? Self.full("places") : TelosError(error)
      }
      guard let number = root.number(of: place) else { return }
      let present = try kernel { () throws(BPFError) in try maps.cgroups.lookup(number) }
      if let present, present.agent != id, try tasks(of: present.agent) > 0 { return }
      try write(number, value)
      // Removed meanwhile: the kernel may have looked for the entry before it was there.
      if root.number(of: place) != number {
        try kernel { () throws(BPFError) in _ = try maps.cgroups.remove(number) }
      }
    }
  }

  /// Whether the cgroup of a place, where there is one, is this agent's or that of one who still lives there.
  public func holds(_ place: String, for id: UInt64, below root: ControlGroupRoot)
    throws(TelosError) -> Bool
  {
    guard let number = root.number(of: place) else { return true }
    let present = try kernel { () throws(BPFError) in try maps.cgroups.lookup(number) }
    guard let present else { return false }
    if present.agent == id { return true }
    return try tasks(of: present.agent) > 0
  }

  /// Makes the cgroup of this number, and all below, an agent's until it is removed.
  public func bind(cgroup: UInt64, to id: UInt64, ttl: UInt64) throws(TelosError) {
    let value = try form(id, ttl, 0, nil)
    try state.withLock { _ throws(TelosError) in
      try put(true)
      let present = try kernel { () throws(BPFError) in try maps.cgroups.lookup(cgroup) }
      guard present == nil else {
        throw TelosError(.conflict, "the cgroup \(cgroup) already belongs to an agent")
      }
      try write(cgroup, value)
    }
  }

  /// Takes back what ``bind(cgroup:to:ttl:)`` did.
  public func unbind(cgroup: UInt64) throws(TelosError) {
    try kernel { () throws(BPFError) in _ = try maps.cgroups.remove(cgroup) }
  }

  /// Gives up a place. Who lives there stays its agent's.
  public func release(_ place: String) throws(TelosError) {
    let key = try telos_place_path(place)
    try kernel { () throws(BPFError) in _ = try maps.places.remove(key) }
  }

  /// Frees the cgroups of places that were given up and in which nobody lives any more.
  public func sweepPlaces() throws(TelosError) {
    try state.withLock { _ throws(TelosError) in
      let named = Set(
        try kernel { () throws(BPFError) in try maps.places.entries() }.map(\.value.agent))
      var left = 0
      for (number, place) in try kernel({ () throws(BPFError) in try maps.cgroups.entries() }) {
        let isGivenUp =
          place.flags & TELOS_PLACE_NAMED.rawValue != 0 && !named.contains(place.agent)
        if isGivenUp, try tasks(of: place.agent) == 0 {
          try kernel { () throws(BPFError) in _ = try maps.cgroups.remove(number) }
        } else {
          left += 1
        }
      }
      if named.isEmpty && left == 0 { try put(false) }
    }
  }

  private func put(_ bound: Bool) throws(TelosError) {
    try kernel { () throws(BPFError) in try maps.bound.update(0, bound ? 1 : 0) }
  }

  private func write(_ number: UInt64, _ value: telos_place) throws(TelosError) {
    do throws(BPFError) { try maps.cgroups.update(number, value) } catch {
      throw error.code == 7 ? Self.full("cgroups") : TelosError(error)
    }
  }

  private func form(_ id: UInt64, _ ttl: UInt64, _ flags: UInt32, _ opener: FileIdentity?)
    throws(TelosError) -> telos_place
  {
    guard let agent = try agent(id) else { throw TelosError(.notFound, "there is no agent \(id)") }
    return telos_place(
      agent: id, ttl_ns: ttl * 1_000_000_000, slot: agent.slot, flags: flags,
      opener: opener.map { telos_inode($0) } ?? telos_inode())
  }

  private func tasks(of id: UInt64) throws(TelosError) -> UInt32 {
    try Self.slots(maps).first { $0.record.id == id }?.record.tasks ?? 0
  }
}

extension telos_place_path {
  init(_ place: String) throws(TelosError) {
    self.init()
    let bytes = Array(place.utf8)
    guard bytes.first == UInt8(ascii: "/"), bytes.count > 1, bytes.last != UInt8(ascii: "/"),
      bytes.count <= AgentTable.longestPlace, !bytes.contains(0),
      bytes.count(where: { $0 == UInt8(ascii: "/") }) <= AgentTable.deepestPlace
    else {
      throw TelosError(
        .invalidArgument,
        "\(place) is not the path of a cgroup below the root, of at most \(AgentTable.longestPlace) bytes and \(AgentTable.deepestPlace) names"
      )
    }
    withUnsafeMutableBytes(of: &path) { $0.copyBytes(from: bytes) }
  }

  var text: String {
    withUnsafeBytes(of: path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
