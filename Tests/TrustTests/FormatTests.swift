import FoundationEssentials
import Glibc
import TelosCore
import Testing

@testable import Trust

@Suite struct FormatTests {
  /// The example of the DSSE specification (protocol.md).
  @Test func theEncodingIsThatOfTheSpecification() {
    let envelope = Envelope(
      payloadType: "http://example.com/HelloWorld", payload: Data("hello world".utf8))
    #expect(
      envelope.preAuthenticationEncoding
        == Data("DSSEv1 29 http://example.com/HelloWorld 11 hello world".utf8))
  }

  /// RFC 8032, section 7.1, test 2.
  @Test func signaturesAreEd25519() throws {
    let seed = try #require(
      [UInt8](hex: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    let key = try #require(SigningKey(seed: seed))
    #expect(
      key.publicKey.raw.hex == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    let signature = try #require(
      [UInt8](
        hex: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"))
    #expect(key.publicKey.verifies(Data(signature), of: Data([0x72])))
    #expect(!key.publicKey.verifies(Data(signature), of: Data([0x73])))
    #expect(key.publicKey.verifies(try key.sign(Data([0x72])), of: Data([0x72])))
  }

  /// RFC 8410, section 10.
  @Test func keyFilesAreThoseOfOpenSSL() throws {
    let key = """
      -----BEGIN PRIVATE KEY-----
      MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
      -----END PRIVATE KEY-----

      """
    let pub = """
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
      -----END PUBLIC KEY-----

      """
    let seed = try #require(KeyPEM.privateKey.decode(key))
    let signing = try #require(SigningKey(seed: seed))
    #expect(signing.pem == key)
    #expect(signing.publicKey.pem == pub)
    #expect(PublicKey(pem: pub) == signing.publicKey)
    #expect(PublicKey(pem: key) == nil)
  }

  @Test func aKeyThatOthersMayReadIsRefusedWithTheRemedy() throws {
    let folder = "/tmp/telos-trust-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let key = SigningKey()
    try key.write(to: "\(folder)/ops")
    #expect(try SigningKey(contentsOf: "\(folder)/ops.key").publicKey == key.publicKey)
    #expect(try PublicKey(contentsOf: "\(folder)/ops.pub") == key.publicKey)
    #expect { try key.write(to: "\(folder)/ops") } throws: {
      ($0 as? TelosError)?.code == .conflict
    }
    chmod("\(folder)/ops.key", 0o640)
    #expect { try SigningKey(contentsOf: "\(folder)/ops.key") } throws: { error in
      let error = error as? TelosError
      return error?.code == .forbidden && error?.hint == "chmod 600 \(folder)/ops.key"
    }
  }

  @Test func canonicalJSONHasOneTextForOneMeaning() throws {
    let text = #" { "b" : [1, true ,null,-7], "a/é" : "x\u0001\n\"\\\u00e9/" , "aa":{} } "#
    let value = try JSONValue(parsing: Data(text.utf8))
    #expect(
      String(decoding: value.canonical, as: UTF8.self)
        == #"{"a/é":"x\u0001\n\"\\é/","aa":{},"b":[1,true,null,-7]}"#)
    #expect(try JSONValue(canonical: value.canonical) == value)
    #expect(refusal { try JSONValue(canonical: Data(text.utf8)) } == .malformed)
  }

  @Test func deepJSONIsRefusedBeforeItIsParsed() {
    let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(refusal { try JSONValue(parsing: Data(deep.utf8)) } == .malformed)
  }

  @Test func statementsReadBackAsTheyWereWritten() throws {
    let intent = Fleet.intent(nodes: ["role": "agents"])
    #expect(try IntentStatement(payload: intent.payload) == intent)
    let never = try NeverBlockStatement(
      version: 3, expires: Fleet.later, entries: ["192.0.2.0/24", "2001:db8::/32"])
    #expect(try NeverBlockStatement(payload: never.payload) == never)
    let manifest = try Fleet.manifest([intent.object, never.object])
    #expect(try ManifestStatement(payload: manifest.payload) == manifest)
    #expect(manifest[.intent, "read-logs"] == intent.object)
    #expect(refusal { try Fleet.manifest([intent.object, intent.object]) } == .malformed)
  }

  @Test func anEnvelopeReadsBackAsItWasWritten() throws {
    let envelope = try Fleet.intent().signed(by: [SigningKey(), SigningKey()])
    #expect(try Envelope(json: envelope.json) == envelope)
    let pretty = String(decoding: envelope.json, as: UTF8.self).replacingPrefix("{", "{\n  ")
    #expect(try Envelope(json: Data(pretty.utf8)) == envelope)
  }

  @Test func everyRefusalBecomesAnErrorForPeople() {
    for code in RefusalCode.allCases {
      let error = Refusal(code, "it is so").telosError
      #expect(error.message == "\(code.rawValue): it is so")
      #expect(error.code == .refused || error.code == .invalidArgument)
    }
  }
}

@Suite struct JoinTokenTests {
  let token = JoinToken(
    addresses: ["coordinator.example:7444", "[::1]:7444"], sync: ["192.0.2.1:7443"],
    ca: Digest(of: Data("ca".utf8)), id: "t1", secret: Array(repeating: 251, count: 32))

  @Test func aTokenIsOneLineThatReadsBack() throws {
    let pinned = token.pinning(root: Digest(of: Data("root".utf8)))
    #expect(pinned.text.hasPrefix("telos1."))
    #expect(pinned.text.allSatisfy { $0.isASCII && !$0.isWhitespace && $0 != "=" })
    #expect(try JoinToken(text: " \(pinned.text)\n") == pinned)
    #expect(try JoinToken(json: token.json) == token)
  }

  @Test func aTokenThatPinsNoRootIsNotForANode() {
    #expect(throws: TelosError.self) { try JoinToken(text: token.text) }
  }

  @Test func aDamagedTokenIsRefusedWithoutShowingItsSecret() {
    let text = token.pinning(root: token.ca).text
    let secret = Data(token.secret).base64EncodedString()
    for length in 0..<text.count {
      #expect {
        try JoinToken(text: String(text.prefix(length)))
      } throws: { error in
        let error = error as? TelosError
        return error?.code == .invalidArgument && !"\(error?.description ?? "")".contains(secret)
      }
    }
    var bad = token.pinning(root: token.ca)
    bad.addresses = ["no-port"]
    #expect(throws: TelosError.self) { try JoinToken(text: bad.text) }
    bad.addresses = []
    #expect(throws: TelosError.self) { try JoinToken(text: bad.text) }
  }
}
