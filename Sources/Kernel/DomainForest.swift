internal import BPFKit
internal import CTelosABI
internal import TelosCore

/// All domains as they were at one time: one reading for many questions.
struct DomainForest {
  private var domains: [telos_domain]

  init(_ maps: GateMaps) throws(TelosError) {
    var domains = [telos_domain](repeating: telos_domain(), count: Int(TELOS_DOMAINS))
    try kernel { () throws(BPFError) in
      try maps.domains.forEach { index, domain in
        if Int(index) < domains.count { domains[Int(index)] = domain }
      }
    }
    self.domains = domains
  }

  /// The root of a domain, and the state that it carries. What leads nowhere counts as the worst.
  func root(of index: UInt32) -> (root: UInt32, state: UInt32) {
    guard index != 0 else { return (0, 0) }
    var (index, steps) = (index, 0)
    while Int(index) < domains.count, steps < domains.count {
      let domain = domains[Int(index)]
      if domain.parent == 0 || domain.parent == index { return (index, domain.state) }
      (index, steps) = (domain.parent, steps + 1)
    }
    return (0, AgentState([.tainted, .slammed]).rawValue)
  }

  /// The kernel's sequence of the slam that a root's state came from first; 0 for none.
  func slam(ofRoot index: UInt32) -> UInt64 {
    Int(index) < domains.count ? domains[Int(index)].slam : 0
  }

  /// The named domains and those above them.
  func used(_ named: some Sequence<UInt32>) -> Set<UInt32> {
    var used: Set<UInt32> = [0]
    for start in named {
      var index = start
      while used.insert(index).inserted, Int(index) < domains.count {
        index = domains[Int(index)].parent
      }
    }
    return used
  }
}
