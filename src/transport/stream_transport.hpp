// A connected stream socket, or one end of a pipe, under the contract: between one protocol and one channel
// of the kernel.
#pragma once

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "net/nonblocking_loan.hpp"
#include "net/stored_endpoint.hpp"
#include "transport/file_sending.hpp"
#include "transport/flow_control.hpp"
#include "transport/inner_transport.hpp"
#include "transport/owned_channel.hpp"
#include "transport/protocol_slot.hpp"
#include "transport/stream_state.hpp"
#include "transport/write_buffer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tidegate::transport {

class StreamTransport;

/// What made a connection and wants to know of its end: a server. It has the connection in a list of its own,
/// and tells it when the loop closes.
class ConnectionOwner {
 public:
  virtual void connection_made(StreamTransport& transport) noexcept = 0;
  virtual void connection_ended(StreamTransport& transport) noexcept = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// The two operations of a connection, which only pass on what happens to them. They are bases of the
/// transport and not members, so that they need not carry a way back to it.
class StreamReceiving : public kernel::ReceiveOperation {
 protected:
  ~StreamReceiving() = default;

 private:
  MutableBytesView target() final;
  void filled(std::size_t size_bytes) final;
  void received(BytesView bytes) final;
  void completed(int result) final;
};
class StreamSending : public kernel::SendOperation {
 protected:
  ~StreamSending() = default;

 private:
  std::size_t gather(std::span<iovec> pieces) final;
  void completed(int result) final;
};

/// The transport of TCP and Unix stream sockets, and of pipes, where one direction is absent.
///
/// Lifetime: holds itself from `start` on until the connection has ended and nothing is in flight; the
/// protocol and the user hold references beside that.
class StreamTransport final : public InnerTransport,
                              public loop::Visitor,
                              private StreamReceiving,
                              private StreamSending {
 public:
  /// Takes over `channel`. `owner`: may be null; outlives the connection. Throws as ProtocolSlot, and
  /// std::bad_alloc; the channel is the caller's then.
  static Ref<StreamTransport> make(loop::LoopCore& core, kernel::ChannelId channel, const Endpoint& peer,
                                   std::shared_ptr<BaseProtocol> protocol, ConnectionOwner* owner);
  /// The same for a pipe, which is taken over where this does not throw.
  static Ref<StreamTransport> make_pipe(loop::LoopCore& core, OwnedPipe& pipe,
                                        std::shared_ptr<BaseProtocol> protocol, Direction direction);

  /// Tells the protocol of the connection (L1) and begins to read. REQUIRES: called by the loop, once.
  void open();
  /// Has the loop call `open` soon.
  void open_soon();
  void loop_closed() noexcept override;

  // --- Transport, see there ----------------------------------------------------------------------
  void close() override;
  [[nodiscard]] bool is_closing() const noexcept override { return state_.is_closing(); }
  [[nodiscard]] std::any get_extra_info(std::string_view name) const override;
  [[nodiscard]] Loop& loop() const noexcept override { return core_.loop(); }
  void pause_reading() override;
  void resume_reading() override;
  [[nodiscard]] bool is_reading() const noexcept override { return state_.is_reading(); }
  void write(BytesView data) override;
  void write(Chunk chunk) override;
  void writelines(std::span<const BytesView> pieces) override;
  void writelines(std::vector<Chunk> chunks) override;
  void write_eof() override;
  [[nodiscard]] bool can_write_eof() const noexcept override { return state_.writes(); }
  void abort() override;
  void set_write_buffer_limits(const WriteBufferLimitOptions& limits) override;
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return flow_.limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override;
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_.shared(); }
  [[nodiscard]] Endpoint peername() const override { return peer_.get(); }
  [[nodiscard]] Endpoint sockname() const override;
  [[nodiscard]] SocketView socket() const noexcept override;
  void retain() noexcept override { ++holders_; }
  void release() noexcept override;

  // --- InnerTransport ----------------------------------------------------------------------------
  [[nodiscard]] loop::LoopCore& core() const noexcept override { return core_; }
  void abort_for(Error reason) override;
  [[nodiscard]] bool is_two_way() const noexcept override { return !state_.is_pipe(); }
  [[nodiscard]] bool writing_paused() const noexcept override { return flow_.paused(); }
  void write_all_of(WriteBuffer&& bytes) override;
  void flush_written() override;
  void receive_modestly() override { receiving().set_modest(); }
  void begin_file() override;
  void end_file() noexcept override;
  [[nodiscard]] bool can_send_file() const noexcept override { return true; }
  [[nodiscard]] Future<void> send_file(FileToSend& file) override;
  [[nodiscard]] Future<void> wait_for_room_for_file() override;
  void write_of_file(FileToSend& file, Chunk piece) override;

 private:
  static constexpr std::size_t kGatherPieces = 64;

  friend class FileSending;
  friend class StreamReceiving;
  friend class StreamSending;

  StreamTransport(loop::LoopCore& core, kernel::ChannelId channel, const Endpoint& peer,
                  std::shared_ptr<BaseProtocol> protocol, ConnectionOwner* owner, Direction direction);
  ~StreamTransport() = default;

  // Reading.
  void start_receiving();
  MutableBytesView receive_target();
  MutableBytesView ask_for_buffer(BufferedProtocol& protocol) const;
  /// Whether more has arrived than the protocol is being told of.
  enum class Rest : unsigned char { none, likely };
  template <typename Call>
  void call_protocol(BytesView lent, const Call& call, const char* failure, Rest rest = Rest::none);
  void deliver(BytesView bytes);
  void deliver_in_debug_mode(BytesView bytes);
  void announce_filled(std::size_t size_bytes);
  void send_what_was_written();
  void receiving_completed(int result);
  void on_eof();
  void reader_has_gone(int result);

  // Writing.
  [[nodiscard]] bool accept_write(bool empty);
  void write_on_the_long_way(BytesView data);
  [[nodiscard]] bool offers_at_once(std::size_t size_bytes) const noexcept;
  void after_append(bool offered);
  [[nodiscard]] std::optional<std::size_t> sent_or_failed(std::ptrdiff_t result);
  void offer(std::span<const BytesView> pieces);
  void flush() override;
  void send_at_once();
  template <typename Send>
  void send_buffered(const Send& send);
  [[nodiscard]] WriteBuffer::Consumed conclude_sending();
  void lent_bytes_are_left(std::ptrdiff_t result);
  void wait_for_room();
  void sending_completed(int result);
  void after_sending();
  void pause_protocol_if_over();
  void send_eof() noexcept;
  void on_write_error(int error);
  void fail_file(const Error& reason);

  // The end.
  void run() override;
  void discard() noexcept override;
  void fail(const char* message, std::exception_ptr exception);
  void lose(Error reason);
  [[nodiscard]] kernel::ReceiveOperation& receiving() noexcept { return *this; }
  [[nodiscard]] kernel::SendOperation& sending() noexcept { return *this; }
  [[nodiscard]] bool anything_in_flight() noexcept {
    const bool sends_file = seldom_ != nullptr && seldom_->file != nullptr && seldom_->file->in_flight();
    return receiving().in_flight() || sending().in_flight() || sends_file;
  }
  void operation_ended();
  void deliver_loss();
  void end();
  void report(const char* message, std::exception_ptr exception) noexcept;

  /// What few connections need, most of those only at their end.
  struct Seldom {
    std::optional<Endpoint> local;      // once somebody asked, or still might after the descriptor has gone
    Error reason;                       // why it was or will be lost
    net::NonblockingLoan loan;          // of a pipe
    std::unique_ptr<FileSending> file;  // once there was one to be sent
  };
  [[nodiscard]] Seldom& seldom() const;
  void keep_reason(Error reason) noexcept;
  void remember_sockname() const noexcept;
  [[nodiscard]] Error take_reason() noexcept;

  // In this order, with small members in the padding of large ones: an idle connection is mostly this.
  loop::LoopCore& core_;  // Lifetime: outlives every open transport
  kernel::ChannelId channel_;
  ConnectionOwner* owner_;
  WriteBuffer buffer_;
  net::StoredEndpoint peer_;
  mutable std::unique_ptr<Seldom> seldom_;
  [[no_unique_address]] ProtocolSlot protocol_;
  StreamState state_;
  [[no_unique_address]] FlowControl flow_;
  bool queued_ = false;       // in the ready queue
  bool draining_ = false;     // writing failed; what had arrived is being delivered, then the reason ends it
  bool closed_over_ = false;  // the loop was closed over it: nobody is called any more
  std::uint32_t holders_ = 0;
};

// Every idle connection is one.
static_assert(sizeof(StreamTransport) <= 216);

// --- what is called for every message -----------------------------------------------------------

inline MutableBytesView StreamReceiving::target() {
  return static_cast<StreamTransport&>(*this).receive_target();
}
inline void StreamReceiving::received(BytesView bytes) {
  static_cast<StreamTransport&>(*this).deliver(bytes);
}
inline void StreamReceiving::filled(std::size_t size_bytes) {
  static_cast<StreamTransport&>(*this).announce_filled(size_bytes);
}
inline std::size_t StreamSending::gather(std::span<iovec> pieces) {
  return static_cast<StreamTransport&>(*this).buffer_.gather(pieces);
}

}  // namespace tidegate::transport
