// What the tests of TLS against a peer that misbehaves share: one connection with such a peer, driven turn by
// turn, beside one in good health that must not notice. Knows no clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "support/tls_peer.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::contract {

using testing::TlsPeer;

/// How a connection is begun. What is left out is as it should be: both ends trust each other.
struct TlsTerms {
  /// The peer: its role is filled in, and a certificate where it needs one.
  testing::TlsEndOptions peer = {};
  /// This end: certificates and trust are filled in where there are none.
  TlsOptions ours = {};
  /// Whom a connecting end asks for.
  std::string server_hostname = "localhost";
  Duration handshake_timeout = std::chrono::seconds(30);
  Duration shutdown_timeout = std::chrono::seconds(30);
  /// Called with what the end under test is told first.
  std::function<void(loop_rig::Recorder&)> on_made = {};
  std::function<void(loop_rig::Recorder&)> on_data = {};
};

/// The end under test is a client or a server; the peer is the test's own.
///
/// Beside it a healthy connection of the same loop, secured as well, plays a byte back and forth. Any test
/// fails where that comes to a stand.
class TlsTest : public loop_rig::LoopTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] virtual Side side() const = 0;
  [[nodiscard]] bool is_connecting() const { return side() == Side::connecting; }

  // --- a connection ------------------------------------------------------------------------------

  /// Connects over TCP. TLS has not begun on the peer's side, nor need it.
  void begin(const TlsTerms& terms = {});
  /// As that over a pair of Unix sockets, whose buffers are small.
  void begin_on_pair(const TlsTerms& terms = {});
  /// Goes on to the end of the handshake, on either end. Fails the test where that is not reached.
  void shake_hands();
  /// Both.
  void connect(const TlsTerms& terms = {});

  /// The protocol under test, and what it was told; there is one from the first call of the factory on.
  [[nodiscard]] loop_rig::Recorder& here() const { return *here_; }
  [[nodiscard]] bool was_made() const { return here_ != nullptr && !here_->calls.empty(); }
  [[nodiscard]] Transport& transport() const { return *here_->transport; }
  [[nodiscard]] TlsPeer& peer() const noexcept { return *peer_; }
  [[nodiscard]] Server& server() noexcept { return server_; }
  /// Of a connecting end.
  [[nodiscard]] TaskHandle<>& attempt() noexcept { return attempt_; }

  // --- running -----------------------------------------------------------------------------------

  /// One iteration of the loop, which does not wait, watched by the healthy connection.
  void step();
  /// Steps, with the peer doing what it can in between, until `holds`. Fails the test after a minute.
  [[nodiscard]] bool reach(const std::function<bool()>& holds);
  /// As that with a peer that does nothing by itself.
  [[nodiscard]] bool reach_without_peer(const std::function<bool()>& holds);

  // --- how it ended ------------------------------------------------------------------------------

  /// Runs until the handshake has failed, and checks that it failed as it has to: told once, to whoever waits
  /// or to the exception handler, and not a word to the protocol (T1, L2).
  std::exception_ptr handshake_failure();
  /// Whether it has failed.
  [[nodiscard]] bool has_failed();
  /// Runs until connection_lost, and checks that it was called once, last.
  Error run_until_lost();
  void expect_handshake_fails(std::error_code expected);
  void expect_lost(std::error_code expected);

 private:
  class Player;

  void start_healthy();
  void stop_healthy();
  void adopt(OwnedFileDescriptor theirs, const TlsTerms& terms);
  [[nodiscard]] TlsContext context_of(const TlsTerms& terms) const;
  [[nodiscard]] std::shared_ptr<loop_rig::Recorder> make_recorder();
  Task<> make_connection(Endpoint target, TlsTerms terms, TlsContext context);
  Task<> adopt_socket(Socket socket, TlsTerms terms, TlsContext context);

  std::shared_ptr<loop_rig::Recorder> here_;
  std::function<void(loop_rig::Recorder&)> on_made_;
  std::function<void(loop_rig::Recorder&)> on_data_;
  std::unique_ptr<TlsPeer> peer_;
  Server server_;
  TaskHandle<> attempt_;
  std::shared_ptr<Player> server_player_;
  std::shared_ptr<Player> client_player_;
  Server healthy_server_;
  TimePoint last_play_;
  int plays_seen_ = 0;
  int steps_since_play_ = 0;
};

/// From either side.
class TlsSidesTest : public TlsTest, public ::testing::WithParamInterface<Side> {
 protected:
  [[nodiscard]] Side side() const override { return GetParam(); }
};
class TlsClientTest : public TlsTest {
 protected:
  [[nodiscard]] Side side() const override { return Side::connecting; }
};
class TlsServerTest : public TlsTest {
 protected:
  [[nodiscard]] Side side() const override { return Side::accepted; }
};

[[nodiscard]] inline std::string name_of_side(const ::testing::TestParamInfo<Side>& parameter) {
  return parameter.param == Side::connecting ? "connecting" : "accepted";
}

/// The code that an exception carries; empty for others and for none.
[[nodiscard]] std::error_code code_of(const std::exception_ptr& exception);
/// What it says; "nothing" for none.
[[nodiscard]] std::string text_of(const std::exception_ptr& exception);

/// Bytes that this process has from its heap, as far as the C library knows; 0 under a sanitizer.
[[nodiscard]] std::size_t heap_bytes();

}  // namespace tidegate::contract
