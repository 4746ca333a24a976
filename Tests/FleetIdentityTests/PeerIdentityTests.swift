import FleetIdentity
import TelosCore
import Testing

@Suite struct PeerIdentityTests {
  @Test func aNodeIsKnownByItsURI() throws {
    #expect(try PeerIdentity(spiffeID: "spiffe://telos/node/n-1.example") == .node("n-1.example"))
    #expect(try PeerIdentity(spiffeID: "spiffe://telos/coordinator") == .coordinator)
    #expect(PeerIdentity.node("a").spiffeID == "spiffe://telos/node/a")
  }

  @Test(arguments: [
    "", "spiffe://telos/node/", "spiffe://telos/node/../coordinator", "spiffe://telos/node/a/b",
    "spiffe://other/node/a", "spiffe://telos/coordinator/", "spiffe://telos/node/A",
    "https://telos/node/a", "spiffe://telos/node/a?x", "spiffe://telos/node/-a",
  ])
  func anythingElseIsNobody(uri: String) {
    #expect { try PeerIdentity(spiffeID: uri) } throws: {
      ($0 as? TelosError)?.code == .unauthenticated
    }
  }
}
