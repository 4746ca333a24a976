import AddressSets
import FoundationEssentials
import Glibc
import TelosCore
import Testing

@Suite struct AddressTests {
  @Test(
    "An address is read and written back",
    arguments: [
      ("192.0.2.1", "192.0.2.1", 4), ("255.255.255.255", "255.255.255.255", 4),
      ("2001:DB8::1", "2001:db8::1", 16), ("::", "::", 16), ("::1", "::1", 16),
      ("::ffff:192.0.2.1", "192.0.2.1", 4), ("::ffff:c000:201", "192.0.2.1", 4),
      ("::192.0.2.1", "::192.0.2.1", 16),
    ])
  func roundTrip(text: String, written: String, bytes: Int) throws {
    let address = try IPAddress(text)
    #expect(address.description == written)
    #expect(address.bytes.count == bytes)
    #expect(address.mappedBytes.count == 16)
    #expect(IPAddress(bytes: address.bytes) == address)
    #expect(IPAddress(bytes: address.mappedBytes) == address)
  }

  @Test(
    "What is not exactly an address is refused",
    arguments: [
      "", " ", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1.1",
      "0x7f.1", "example.org", "fe80::1%eth0", "1::2::3", "192.0.2.1\u{0}junk", "12345::",
      "١٩٢.0.2.1", String(repeating: "1", count: 4096),
    ])
  func refused(text: String) {
    #expect(throws: TelosError.self) { try IPAddress(text) }
  }

  @Test("Addresses agree with inet_pton and inet_ntop on random input")
  func agreesWithTheC() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let bits = UInt128.random(in: 0...UInt128.max, using: &random)
      let address = IPAddress(bits: bits >> UInt128.random(in: 0...120, using: &random))
      #expect(try IPAddress(address.description) == address)
    }
  }

  @Test("An error shows no control characters of the text")
  func errorIsPrintable() {
    do throws(TelosError) {
      _ = try IPAddress("\u{1b}[2Jevil")
      Issue.record("accepted")
    } catch {
      #expect(!error.message.unicodeScalars.contains { $0.value < 0x20 })
    }
  }
}

@Suite struct PrefixTests {
  @Test(
    "A block is read and written back",
    arguments: [
      ("192.0.2.0/24", "192.0.2.0/24", 24, 120), ("192.0.2.7", "192.0.2.7", 32, 128),
      ("192.0.2.7/32", "192.0.2.7", 32, 128), ("0.0.0.0/0", "0.0.0.0/0", 0, 96),
      ("::/0", "::/0", 0, 0), ("2001:db8::/32", "2001:db8::/32", 32, 32),
      ("::1/128", "::1", 128, 128), ("::ffff:192.0.2.0/120", "192.0.2.0/24", 24, 120),
      ("::ffff:0:0/96", "0.0.0.0/0", 0, 96),
    ])
  func roundTrip(text: String, written: String, length: Int, mapped: Int) throws {
    let prefix = try IPPrefix(text)
    #expect(prefix.description == written)
    #expect(Int(prefix.length) == length)
    #expect(prefix.mappedLength == mapped)
    let json = try JSONEncoder().encode([prefix])
    #expect(try JSONDecoder().decode([IPPrefix].self, from: json) == [prefix])
  }

  @Test(
    "What is not a block is refused",
    arguments: [
      "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/024", "/8",
      "192.0.2.0/24/24", "192.0.2.0/٢٤", "::/129", "::ffff:0:0/90", "::ffff:192.0.2.0/24",
      "192.0.2.0/255.255.255.0",
    ])
  func refused(text: String) {
    #expect(throws: TelosError.self) { try IPPrefix(text) }
  }

  @Test("A block with host bits set is refused with what to write instead")
  func hostBits() {
    do throws(TelosError) {
      _ = try IPPrefix("192.0.2.5/24")
      Issue.record("accepted")
    } catch {
      #expect(error.hint == "write 192.0.2.0/24 for the block, or 192.0.2.5 for the one address")
    }
    #expect(throws: TelosError.self) { try IPPrefix("2001:db8::1/64") }
  }

  @Test("A block contains its own family only")
  func contains() throws {
    let all4 = try IPPrefix("0.0.0.0/0")
    let all6 = try IPPrefix("::/0")
    let one = try IPAddress("192.0.2.1")
    #expect(all4.contains(one))
    #expect(!all6.contains(one))
    #expect(!all4.contains(try IPAddress("2001:db8::1")))
    #expect(all6.contains(try IPAddress("2001:db8::1")))
    let block = try IPPrefix("192.0.2.128/25")
    #expect(!block.contains(one))
    #expect(all4.contains(block))
    #expect(!block.contains(all4))
    #expect(block.overlaps(all4))
  }
}
