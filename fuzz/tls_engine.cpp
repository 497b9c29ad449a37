// Fuzz target: any calls in any order on an engine, with an input that may be anything: what the script makes
// up, what an honest peer says, and records that a dishonest one protects with the right keys.
//
// Every call is checked (CheckedEngine). Whether what is read is what was written is tls_session's question.
#include "checked_engine.hpp"
#include "contexts.hpp"
#include "repeatable_random.hpp"
#include "script.hpp"
#include "support/certificates.hpp"
#include "support/tls_end.hpp"
#include "support/tls_records.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace tidegate::fuzz {
namespace {

using testing::TlsEnd;
using testing::TlsEndOptions;
using testing::TlsRole;

constexpr int kMostSteps = 200;
/// More than a record holds.
constexpr std::size_t kMostWrittenBytes = 20'000;

/// What a script begins with.
struct Setting {
  explicit Setting(Script& script) {
    const unsigned engine_bits = script.byte();
    is_server = (engine_bits & 1U) != 0;
    versions = static_cast<Versions>((engine_bits >> 1U) % 3);
    extent = static_cast<Extent>((engine_bits >> 3U) & 1U);
    by_address = (engine_bits & 16U) != 0;
    const unsigned peer_bits = script.byte();
    peer_versions = static_cast<Versions>(peer_bits % 3);
    peer_certificate = (peer_bits >> 2U) & 3U;
    peer_name = (peer_bits >> 4U) & 3U;
    peer_verifies = (peer_bits & 64U) != 0;
    peer_forges = (peer_bits & 128U) != 0;
  }

  bool is_server;
  Versions versions;
  Extent extent;
  bool by_address;
  Versions peer_versions;
  unsigned peer_certificate;
  unsigned peer_name;
  bool peer_verifies;
  /// A peer either speaks or has its records made by hand: the two would count them apart.
  bool peer_forges;
};

TlsEndOptions peer_options(const Setting& setting) {
  static const std::array server_certificates{&testing::server_certificate(), &testing::expired_certificate(),
                                              &testing::strange_certificate(),
                                              &testing::other_host_certificate()};
  static const std::array<const testing::Certificate*, 4> client_certificates{
      nullptr, &testing::client_certificate(), &testing::strange_certificate(),
      &testing::chained_server_certificate()};
  static const std::array<std::string, 4> names{"localhost", "other.example", "nobody.example", ""};

  TlsEndOptions options;
  options.role = setting.is_server ? TlsRole::client : TlsRole::server;
  options.certificate =
      (setting.is_server ? client_certificates : server_certificates).at(setting.peer_certificate);
  options.verifies = setting.peer_verifies;
  options.server_name = names.at(setting.peer_name);
  if (setting.peer_versions == Versions::only_1_2) options.maximum_version = TLS1_2_VERSION;
  if (setting.peer_versions == Versions::only_1_3) options.minimum_version = TLS1_3_VERSION;
  options.ciphers = testing::kForgeableCipher;
  options.alpn_protocols = {"http/1.1", "h3"};
  options.session_tickets = setting.peer_forges ? 0 : 2;
  return options;
}

/// An engine, its peer, and the script that says what they do.
class Play {
 public:
  explicit Play(Script& script)
      : script_(script),
        setting_(script),
        engine_(context(setting_.is_server ? Role::server : Role::client, setting_.versions, setting_.extent),
                setting_.by_address ? "127.0.0.1" : "localhost"),
        peer_(peer_options(setting_)) {}

  void run() {
    for (int step = 0; step < kMostSteps && !script_.is_over(); ++step) take_step();
  }

 private:
  void take_step() {
    switch (script_.byte() % 16) {
      case 0:
        (void)engine_.handshake();
        break;
      case 1:
        read(script_.number() + 1);
        break;
      case 2:
        write(script_.number() % kMostWrittenBytes);
        break;
      case 3:
        engine_.close();
        break;
      case 4:
        engine_.take(script_.bytes());
        break;
      case 5:
        hear_from_peer(script_.number());
        break;
      case 6:
        let_peer_hear();
        break;
      case 7:
        engine_.move_rest();
        break;
      case 8:
        engine_.ask_everything();
        break;
      case 9:
        engine_.sink_throws = !engine_.sink_throws;
        break;
      case 10:
        peer_writes(script_.number() % kMostWrittenBytes);
        break;
      case 11:
        if (!setting_.peer_forges) peer_.close();
        break;
      case 12:
        peer_changes_keys((script_.byte() & 1U) != 0);
        break;
      case 13:
        forge();
        break;
      case 14:
        take_record_by_hand();
        break;
      default:
        converse();
        break;
    }
  }

  // --- the engine ----------------------------------------------------------------------------------

  void read(std::size_t room_bytes) {
    if (engine_.may_read()) (void)engine_.read(room_bytes);
  }

  void write(std::size_t size_bytes) {
    if (engine_.may_write()) (void)engine_.write(std::string(size_bytes, 'w'));
  }

  void take_record_by_hand() {
    const auto type = static_cast<testing::RecordType>(script_.byte());
    engine_.take(testing::plain_record(type, script_.bytes()));
  }

  // --- the peer ------------------------------------------------------------------------------------

  /// `limit_bytes` 0: all of it.
  void hear_from_peer(std::size_t limit_bytes) {
    peer_said_ += peer_.give();
    const std::size_t size = limit_bytes == 0 ? peer_said_.size() : limit_bytes;
    engine_.take(BytesView(peer_said_).first(size));
    peer_said_.erase(0, size);
  }

  void let_peer_hear() {
    peer_.take(std::exchange(engine_.said, {}));
    peer_heard_.clear();
    (void)peer_.read(peer_heard_, SIZE_MAX);
  }

  /// As far as there is something to say, as ordinary ends do.
  void converse() {
    for (int turns = 0; turns < 4; ++turns) {
      if (engine_.handshake() == CheckedEngine::Outcome::done) read(kMostWrittenBytes);
      let_peer_hear();
      hear_from_peer(0);
    }
  }

  void peer_writes(std::size_t size_bytes) {
    if (!setting_.peer_forges && peer_.handshake_is_over()) peer_.write(std::string(size_bytes, 'p'));
  }

  void peer_changes_keys(bool requested) {
    if (setting_.peer_forges || !peer_.handshake_is_over()) return;
    try {
      if (peer_.version() == "TLSv1.3") {
        peer_.update_keys(requested);
      } else {
        peer_.renegotiate();
      }
    } catch (const std::runtime_error&) {
      // It has said its end, or has failed: OpenSSL will not have it then.
    }
  }

  void forge() {
    const auto type = static_cast<testing::RecordType>(script_.byte());
    const std::size_t padding_bytes = script_.byte();
    const BytesView content = script_.bytes();
    if (!setting_.peer_forges || !peer_.handshake_is_over()) return;
    peer_said_ += peer_.version() == "TLSv1.3" ? peer_.forge(type, content, padding_bytes)
                                               : peer_.forge_old(type, content);
  }

  Script& script_;
  Setting setting_;
  CheckedEngine engine_;
  TlsEnd peer_;
  std::string peer_said_;
  std::string peer_heard_;
};

/// All that is made once, before the first input is played: it takes for random what an input would.
void make_credentials() {
  (void)context(Role::client, Versions::both, Extent::plain);
  for (const char* setting : {"c", "b"}) {  // a server, a client
    Script script(setting);
    (void)peer_options(Setting(script));
  }
}

}  // namespace
}  // namespace tidegate::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argument_count*/, char*** /*arguments*/) {
  tidegate::fuzz::make_credentials();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidegate::fuzz::begin_repeatable_random(2);
  tidegate::fuzz::Script script({data, size});
  tidegate::fuzz::Play(script).run();
  return 0;
}
