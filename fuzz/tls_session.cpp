// Fuzz target: a session whose records the script cuts into pieces, and may alter, drop, repeat and swap on
// their way, while both ends write, close and change their keys. Nobody may ever read anything but what the
// other has written, from its first byte on; where nobody has tampered, all of it.
#include "contexts.hpp"
#include "party.hpp"
#include "repeatable_random.hpp"
#include "require.hpp"
#include "script.hpp"
#include "support/certificates.hpp"
#include "support/tls_end.hpp"
#include "wire.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace tidegate::fuzz {
namespace {

constexpr int kMostSteps = 200;
/// More than a record holds.
constexpr std::size_t kMostWrittenBytes = 20'000;

/// Text that shows where a part of it is missing, repeated or out of place; other text for each end.
std::string text_at(std::size_t offset, std::size_t size, std::size_t who) {
  std::string text(size, '\0');
  for (std::size_t index = 0; index < size; ++index) {
    const std::size_t position = offset + index;
    text[index] = static_cast<char>((position ^ (position >> 8U) * 31 ^ (position >> 16U) * 7) + 101 * who);
  }
  return text;
}

/// Who the client and the server are.
enum class Cast : std::uint8_t { two_engines, openssl_serves, openssl_asks };

std::unique_ptr<Party> openssl_client() {
  testing::TlsEndOptions options;
  options.role = testing::TlsRole::client;
  options.verifies = true;
  return std::make_unique<OpenSslParty>(options);
}

/// In small records its tickets are cut in two where they hold the client's certificate: in between the
/// client can't write (see tls::Engine::unencrypted).
std::unique_ptr<Party> openssl_server(Extent client_extent, bool in_small_records) {
  testing::TlsEndOptions options;
  options.role = testing::TlsRole::server;
  options.certificate = &testing::server_certificate();
  options.verifies = client_extent == Extent::everything;
  if (in_small_records) options.fragment_bytes = 512;
  return std::make_unique<OpenSslParty>(options);
}

std::unique_ptr<Party> engine_party(Role role, Versions versions, Extent extent) {
  return std::make_unique<EngineParty>(context(role, versions, extent));
}

/// One end, what it has written, and the way to it.
struct End {
  std::unique_ptr<Party> party;
  std::string written;
  /// What of `party->heard()` was compared.
  std::size_t compared_bytes = 0;
  Wire incoming;
};

class Session {
 public:
  explicit Session(Script& script) : script_(script) {
    const auto cast = static_cast<Cast>(script_.byte() % 3);
    const unsigned bits = script_.byte();
    const auto versions = static_cast<Versions>((bits & 3U) % 3);
    const auto client_extent = static_cast<Extent>((bits >> 2U) & 1U);
    const auto server_extent = static_cast<Extent>((bits >> 3U) & 1U);
    may_tamper_ = (bits & 128U) != 0;
    // One of the two decides about the version.
    const Versions client_versions = cast == Cast::two_engines ? Versions::both : versions;
    client().party = cast == Cast::openssl_asks ? openssl_client()
                                                : engine_party(Role::client, client_versions, client_extent);
    server().party = cast == Cast::openssl_serves ? openssl_server(client_extent, (bits & 16U) != 0)
                                                  : engine_party(Role::server, versions, server_extent);
  }

  void run() {
    client().party->take({});
    collect();
    for (int step = 0; step < kMostSteps && !script_.is_over(); ++step) take_step();
    finish();
  }

 private:
  void take_step() {
    const unsigned step = script_.byte() % 16;
    const std::size_t who = script_.byte() % 2;
    switch (step) {
      case 0:
        write(who, script_.number() % kMostWrittenBytes);
        break;
      case 1:
        ends_[who].party->close();
        break;
      case 2:
        ends_[who].party->update_keys((script_.byte() & 1U) != 0);
        break;
      case 3:
        ends_[who].party->set_room(script_.number() + 1);
        break;
      case 4:
        ends_[who].party->set_reads((script_.byte() & 1U) != 0);
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        if (may_tamper_) tamper(step, ends_[who].incoming);
        break;
      default:
        deliver(who, script_.number());
        break;
    }
    collect();
  }

  void tamper(unsigned step, Wire& wire) {
    const std::size_t place = script_.byte();
    if (step == 5) {
      const std::size_t offset_bytes = script_.number();
      wire.flip(place, offset_bytes, script_.byte());
    }
    if (step == 6) wire.drop(place);
    if (step == 7) wire.repeat(place);
    if (step == 8) wire.cut(place, script_.number());
    if (step == 9) wire.swap(place);
    if (step == 10) wire.insert(place, script_.bytes());
  }

  void write(std::size_t who, std::size_t size_bytes) {
    End& end = ends_[who];
    const std::string text = text_at(end.written.size(), size_bytes, who);
    if (end.party->write(text)) end.written += text;
  }

  void deliver(std::size_t who, std::size_t limit_bytes) {
    ends_[who].party->take(ends_[who].incoming.deliver(limit_bytes));
    check(who);
  }

  /// Puts what both have said onto the wires.
  void collect() {
    server().incoming.append(client().party->give());
    client().incoming.append(server().party->give());
  }

  void check(std::size_t who) {
    End& end = ends_[who];
    const End& other = ends_[1 - who];
    const BytesView heard = end.party->heard();
    require(heard.size() <= other.written.size() &&
                heard.drop(end.compared_bytes) ==
                    BytesView(other.written).first(heard.size()).drop(end.compared_bytes),
            "what is read is what was written");
    end.compared_bytes = heard.size();
    if (!end.party->peer_has_closed()) return;
    require(other.party->has_closed(), "who is said to have closed has closed");
    require(heard.size() == other.written.size(), "all that was written comes before the end");
  }

  /// Everything that is on its way arrives, and everybody reads.
  void finish() {
    for (End& end : ends_) {
      end.party->set_reads(true);
      end.party->set_room(kMostWrittenBytes);
    }
    collect();
    do {
      for (const std::size_t who : {0U, 1U}) deliver(who, 0);
      collect();
    } while (!client().incoming.is_empty() || !server().incoming.is_empty());
    if (client().incoming.was_tampered_with() || server().incoming.was_tampered_with()) return;
    for (const std::size_t who : {0U, 1U}) check_whole(ends_[who], ends_[1 - who]);
  }

  static void check_whole(const End& end, const End& other) {
    if (end.party->has_failed()) {
      std::fprintf(stderr, "fuzz: failed: %s\n", end.party->failure_text().c_str());
    }
    require(!end.party->has_failed(), "nothing fails where nobody has tampered");
    require(end.party->handshake_is_over(), "the handshake comes to its end");
    require(end.party->heard() == other.written, "all that was written is read");
    require(end.party->peer_has_closed() == other.party->has_closed(), "an end is told");
  }

  End& client() { return ends_[0]; }
  End& server() { return ends_[1]; }

  Script& script_;
  std::array<End, 2> ends_;
  bool may_tamper_ = false;
};

}  // namespace
}  // namespace tidegate::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argument_count*/, char*** /*arguments*/) {
  // Makes all of them, before the first input is played.
  (void)tidegate::fuzz::context(tidegate::fuzz::Role::client, tidegate::fuzz::Versions::both,
                                tidegate::fuzz::Extent::plain);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidegate::fuzz::begin_repeatable_random(2);
  tidegate::fuzz::Script script({data, size});
  tidegate::fuzz::Session(script).run();
  return 0;
}
