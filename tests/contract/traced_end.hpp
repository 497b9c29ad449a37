// One end of a connection under test: everything that is called on its protocols and everything that the test
// does to its transport, in order, with the grammar of callbacks checked as it goes. Knows no sockets and no
// clauses beyond that grammar.
#pragma once

#include <tidegate/tidegate.hpp>

#include "contract/ground.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::contract {

/// What the ends of one rig share.
struct Stage {
  Loop* loop = nullptr;
  /// Callbacks that are running at this moment, of any end.
  int running_callbacks = 0;
  /// Called after every callback.
  std::function<void()> after_callback;
};

/// One end. Every protocol it makes writes into it, so that a trace goes on when protocols are exchanged.
///
/// What it checks by itself, in every test (contract L1, L2, L4, L8, R2, R3, R4, F1, F5): nothing before
/// connection_made or after connection_lost, each of them once; callbacks from the loop only and never inside
/// one another, pause_writing excepted; only the present protocol is called; no data while paused, after
/// close() or after the end of file; pause_writing and resume_writing alternate and come on their side of the
/// marks; get_buffer's memory is left alone outside of its time.
class TracedEnd {
 public:
  /// What a test wants done inside callbacks, after the end has noted them. Each may replace itself.
  struct Hooks {
    std::function<void()> connection_made;
    std::function<void(BytesView)> data_received;
    std::function<MutableBytesView(std::ptrdiff_t)> get_buffer;
    std::function<void(std::size_t)> buffer_updated;
    /// After data_received or buffer_updated, whichever kind the protocol is.
    std::function<void()> some_received;
    /// The same, with what came.
    std::function<void(BytesView)> bytes_received;
    std::function<bool()> eof_received;
    std::function<void()> pause_writing;
    std::function<void()> resume_writing;
    std::function<void(const Error&)> connection_lost;
  };

  TracedEnd(Stage& stage, std::string name) : stage_(stage), name_(std::move(name)) {}
  TracedEnd(const TracedEnd&) = delete;
  TracedEnd& operator=(const TracedEnd&) = delete;
  ~TracedEnd() = default;

  Hooks on;
  /// What eof_received returns where it has no hook.
  bool keep_open_after_eof = false;
  /// How large the memory is that buffered protocols offer.
  std::size_t buffer_size_bytes = 16384;

  // --- what was called ---------------------------------------------------------------------------

  int made_count = 0;
  int lost_count = 0;
  int eof_count = 0;
  int pause_count = 0;
  int resume_count = 0;
  int data_count = 0;        // data_received
  int get_buffer_count = 0;  // get_buffer
  int updated_count = 0;     // buffer_updated
  bool writing_paused = false;
  /// Every byte received, by whichever protocol; unless it is not kept, only counted.
  std::string received;
  std::size_t received_size = 0;
  bool keeps_received = true;
  /// connection_lost's.
  Error reason;
  std::size_t largest_write_buffer = 0;

  [[nodiscard]] bool lost() const noexcept { return lost_count > 0; }
  /// The last calls, one a line.
  [[nodiscard]] std::string trace() const;
  /// Adds a line to it.
  void note(std::string line);

  // --- protocols ---------------------------------------------------------------------------------

  /// A protocol that writes into this end. The first one is the present one.
  [[nodiscard]] std::shared_ptr<BaseProtocol> make_protocol(Receiver receiver);
  /// Hands the transport to a new protocol (set_protocol), and returns that.
  std::shared_ptr<BaseProtocol> switch_protocol(Receiver receiver);
  /// The number of the protocol that was called last: 1 for the first one made.
  [[nodiscard]] int last_called() const noexcept { return last_called_; }
  [[nodiscard]] int present() const noexcept { return present_; }
  [[nodiscard]] int protocols_alive() const noexcept { return protocols_alive_; }

  // --- the transport -----------------------------------------------------------------------------

  /// REQUIRES: connection_made was called, and `drop` was not.
  [[nodiscard]] Transport& transport() const;
  [[nodiscard]] const TransportRef& ref() const noexcept { return transport_; }
  /// Lets go of it.
  void drop();
  /// Ends the connection whether or not it was dropped. REQUIRES: made and not lost.
  void end_by_force() { observed_->abort(); }

  /// From now on it has another one: start_tls's.
  void upgraded(TransportRef transport);
  /// start_tls reads, whether or not reading was paused.
  void resumed_by_upgrade() noexcept { reading_paused_ = false; }

  // Each does what the transport's member of that name does, and notes it.
  void write(BytesView data);
  void write(Chunk chunk);
  void writelines(std::span<const BytesView> pieces);
  void writelines(std::vector<Chunk> chunks);
  void write_eof();
  void close();
  void abort();
  void pause_reading();
  void resume_reading();
  void set_limits(const WriteBufferLimitOptions& limits);
  [[nodiscard]] std::size_t buffered() const { return transport().get_write_buffer_size(); }

  // --- for its protocols -------------------------------------------------------------------------

  void connection_made(int protocol, TransportRef transport);
  void data_received(int protocol, BytesView data);
  MutableBytesView get_buffer(int protocol, std::ptrdiff_t size_hint_bytes, MutableBytesView own);
  void buffer_updated(int protocol, MutableBytesView memory, std::size_t size_bytes);
  bool eof_received(int protocol);
  void connection_lost(int protocol, const Error& error);
  void pause_writing(int protocol);
  void resume_writing(int protocol);
  void protocol_gone() noexcept { --protocols_alive_; }
  /// Fails the test, with the trace.
  void violation(const std::string& what);

 private:
  class Called;

  void wrote();
  void check_state();

  Stage& stage_;
  std::string name_;
  TransportRef transport_;
  Transport* observed_ = nullptr;  // Lifetime: from connection_made to the return of connection_lost
  int protocols_made_ = 0;
  int protocols_alive_ = 0;
  int present_ = 1;
  int last_called_ = 0;
  bool reading_paused_ = false;
  bool closed_ = false;
  int violations_ = 0;
  std::deque<std::string> lines_;
};

/// Bytes that tell where they belong: the ones from `offset` on of an endless sequence.
[[nodiscard]] std::string pattern(std::size_t size_bytes, std::size_t offset = 0);
/// Whether `bytes` are the ones from `offset` on; the place of the first wrong one, for people, where they
/// are not.
[[nodiscard]] ::testing::AssertionResult is_pattern(BytesView bytes, std::size_t offset = 0);

}  // namespace tidegate::contract
