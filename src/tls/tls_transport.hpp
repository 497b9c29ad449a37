// A TLS connection under the contract: a protocol to the transport below, a transport to the protocol above,
// with an engine between them. Knows no TLS library and no sockets.
#pragma once

#include <tidegate/loop.hpp>
#include <tidegate/tls.hpp>

#include "loop/loop_core.hpp"
#include "tls/engine.hpp"
#include "transport/file_wait.hpp"
#include "transport/flow_control.hpp"
#include "transport/inner_transport.hpp"
#include "transport/layer.hpp"
#include "transport/protocol_slot.hpp"
#include "transport/securing.hpp"
#include "transport/stream_state.hpp"
#include "transport/write_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tidegate::tls {

/// How far the protocol of TLS has come; the connection's life is StreamState's.
enum class TlsPhase : std::uint8_t {
  /// The handshake is not over.
  handshake,
  /// Bytes go both ways.
  open,
  /// The end has begun: what was written is on its way, what arrives is thrown away.
  flushing,
  /// Our close_notify is said, and the peer's is awaited.
  closed,
};

/// Lifetime: the transport below holds it as its protocol; references to it as a transport hold it as well.
class TlsTransport final : public transport::InnerTransport,
                           public transport::Layer,
                           public loop::Visitor,
                           private CiphertextSink,
                           public std::enable_shared_from_this<TlsTransport> {
 public:
  /// For a connection that is being made: the protocol is told of it when the handshake is over. Throws as
  /// ContextCore::make_engine and ProtocolSlot.
  static std::shared_ptr<TlsTransport> make(loop::LoopCore& core, const transport::Securing& securing,
                                            std::shared_ptr<BaseProtocol> protocol,
                                            transport::Opening opening);

  /// For a connection that the protocol knows of already (start_tls). From the call on it is `below`'s
  /// protocol; the handshake begins soon, with `received` as the first of what has arrived.
  static std::shared_ptr<TlsTransport> upgrade(transport::InnerTransport& below,
                                               const transport::Securing& securing,
                                               std::shared_ptr<BaseProtocol> protocol, BytesView received);

  /// Use `make` or `upgrade`.
  TlsTransport(loop::LoopCore& core, const transport::Securing& securing,
               std::shared_ptr<BaseProtocol> protocol);
  ~TlsTransport() override;

  // --- Layer: what the transport below calls -----------------------------------------------------
  void connection_made(TransportRef below) override;
  void data_received(BytesView ciphertext) override;
  bool eof_received() override;
  void connection_lost(const Error& reason) override;
  void pause_writing() override { below_paused_ = true; }
  void resume_writing() override;
  [[nodiscard]] Future<TransportRef> opened() const override { return opened_; }
  [[nodiscard]] Transport& above() noexcept override { return *this; }

  // --- Transport, see there ----------------------------------------------------------------------
  void close() override;
  [[nodiscard]] bool is_closing() const noexcept override;
  [[nodiscard]] std::any get_extra_info(std::string_view name) const override;
  [[nodiscard]] Loop& loop() const noexcept override { return core_.loop(); }
  void pause_reading() override;
  void resume_reading() override;
  [[nodiscard]] bool is_reading() const noexcept override { return state_.is_reading() && !is_closing(); }
  void write(BytesView data) override;
  void write(Chunk chunk) override;
  void writelines(std::span<const BytesView> pieces) override;
  void writelines(std::vector<Chunk> chunks) override;
  void write_eof() override;
  [[nodiscard]] bool can_write_eof() const noexcept override { return false; }
  void abort() override;
  void set_write_buffer_limits(const WriteBufferLimitOptions& limits) override;
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return flow_.limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override;
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_.shared(); }
  [[nodiscard]] Endpoint peername() const override { return below_ ? below_->peername() : Endpoint(); }
  [[nodiscard]] Endpoint sockname() const override { return below_ ? below_->sockname() : Endpoint(); }
  [[nodiscard]] SocketView socket() const noexcept override {
    return below_ ? below_->socket() : SocketView();
  }
  void retain() noexcept override;
  void release() noexcept override;

  // --- InnerTransport ----------------------------------------------------------------------------
  [[nodiscard]] loop::LoopCore& core() const noexcept override { return core_; }
  [[nodiscard]] bool is_two_way() const noexcept override { return true; }
  [[nodiscard]] bool writing_paused() const noexcept override { return flow_.paused(); }
  void abort_for(Error reason) override;
  void write_all_of(transport::WriteBuffer&& bytes) override;
  void flush_written() override;
  void receive_modestly() override {}  // it never has more than that
  void begin_file() override;
  void end_file() noexcept override;
  [[nodiscard]] bool can_send_file() const noexcept override { return false; }
  [[nodiscard]] Future<void> send_file(transport::FileToSend& file) override;
  [[nodiscard]] Future<void> wait_for_room_for_file() override;
  void write_of_file(transport::FileToSend& file, Chunk piece) override;

  // --- Visitor -----------------------------------------------------------------------------------
  void run() override;
  void discard() noexcept override;
  void flush() override;
  void loop_closed() noexcept override;

 private:
  /// Less than this is collected, so that several small writes become one record; more is encrypted from
  /// where it lies.
  static constexpr std::size_t kWorthARecord = std::size_t{4} * 1024;
  /// What a record holds at most.
  static constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;
  /// How much is encrypted before the transport below may say that it is enough.
  static constexpr std::size_t kMostAtATime = std::size_t{64} * 1024;
  /// How much ciphertext waits below; what is over that waits as plaintext, which need not be copied.
  static constexpr std::size_t kMostBelow = std::size_t{64} * 1024;
  /// How much of what a peer goes on sending is thrown away after `close()` (T8).
  static constexpr std::size_t kMostDiscarded = std::size_t{256} * 1024;
  /// How much the engine may have to answer to a peer that does not take the answers.
  static constexpr std::size_t kMostAnswers = std::size_t{16} * 1024;

  // The handshake (tls_transport.cpp).
  void begin();
  void advance_handshake();
  void handshake_is_over();
  void fail_handshake(std::exception_ptr exception);
  void give_handshake_up(std::exception_ptr exception);
  void start_timer(Duration duration);
  void time_is_up();
  void end_for_time();

  // Reading (tls_reading.cpp).
  void take_input(BytesView ciphertext);
  [[nodiscard]] BytesView use_input(BytesView ciphertext);
  void deliver();
  [[nodiscard]] bool deliver_some(MutableBytesView scratch);
  [[nodiscard]] MutableBytesView ask_for_buffer();
  template <typename Call>
  void call_protocol(const Call& call, const char* failure);
  void discard_input(MutableBytesView scratch);
  [[nodiscard]] bool is_at_end() const noexcept;
  void peer_has_ended();
  void engine_has_failed();
  void park(BytesView rest);
  void go_on_reading();
  void hold_input_for_answers();

  // Writing (tls_writing.cpp).
  void put(BytesView ciphertext) override { collected_.append(ciphertext); }
  void put_owned(Chunk ciphertext) override { collected_.append(std::move(ciphertext)); }
  [[nodiscard]] bool accept_write(bool empty);
  [[nodiscard]] bool may_encrypt() const noexcept;
  [[nodiscard]] bool encrypt(BytesView plaintext);
  [[nodiscard]] transport::WriteBuffer::Consumed encrypt_buffered();
  [[nodiscard]] std::size_t encrypt_some();
  void offer_what_is_over();
  void hand_over();
  void after_append();
  void go_on_writing();
  void after_sending();
  void pause_protocol_if_over();
  void set_marks_below();

  // Files (tls_files.cpp).
  void fail_file(const Error& reason);
  [[nodiscard]] bool has_room_for_file() const noexcept;

  // The end (tls_transport.cpp).
  void begin_shutdown();
  void continue_shutdown();
  void end_below();
  void fail(const char* message, std::exception_ptr exception);
  /// Works for the connection; what that throws, for want of memory, ends it.
  template <typename Work>
  void or_fail(const Work& work) {
    try {
      work();
    } catch (...) {
      give_up(std::current_exception());
    }
  }
  void give_up(std::exception_ptr exception);
  void lose(Error reason);
  void schedule() noexcept;
  void report(const char* message, std::exception_ptr exception) noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every open transport
  Ref<transport::InnerTransport> below_;
  std::shared_ptr<Engine> engine_;
  transport::WriteBuffer plain_;      // written, not encrypted yet
  transport::WriteBuffer collected_;  // encrypted, not handed over yet
  transport::ProtocolSlot protocol_;
  transport::FlowControl flow_;
  transport::StreamState state_;
  TlsPhase phase_ = TlsPhase::handshake;
  std::uint32_t holders_ = 0;
  std::uint32_t answered_bytes_ = 0;   // put out by reading since the transport below was last empty
  std::uint32_t discarded_bytes_ = 0;  // received since the end began
  bool begun_ : 1 = false;             // the handshake
  bool upgraded_ : 1 = false;          // by start_tls
  bool seen_by_owner_ : 1 = false;     // an upgrade that is over
  bool awaited_ : 1 = false;           // somebody waits for opened_
  bool delivering_ : 1 = false;        // what is written leaves when the delivery is over
  bool queued_ : 1 = false;            // in the ready queue
  bool below_paused_ : 1 = false;      // it has enough ciphertext
  bool below_eof_ : 1 = false;         // it has nothing more to read
  bool holds_input_ : 1 = false;       // until the peer has taken its answers
  bool loses_bytes_ : 1 = false;       // the transport below had failed when our close_notify was due
  bool found_broken_ : 1 = false;      // by the transport below, which says why when it ends
  bool flushed_ : 1 = false;           // the kernel has taken all, our close_notify too
  bool cut_is_end_ : 1 = false;        // and no error
  TimerHandle timer_;                  // of the handshake, then of the end
  Duration handshake_timeout_;
  Duration shutdown_timeout_;
  std::vector<std::byte> parked_;  // ciphertext that has arrived and can't be delivered yet
  std::size_t parked_from_ = 0;
  std::unique_ptr<transport::FileWait> file_;  // once there was one to be sent
  Error reason_;                        // why it was lost, where we know better than the transport below
  Future<TransportRef> opened_;         // where it is awaited
  std::shared_ptr<TlsTransport> self_;  // while somebody holds it as a transport
};

}  // namespace tidegate::tls
