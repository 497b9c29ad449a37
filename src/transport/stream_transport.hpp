// A connected stream socket under the contract: between one protocol and one channel of the kernel.
#pragma once

#include <tidegate/transport.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "transport/flow_control.hpp"
#include "transport/protocol_slot.hpp"
#include "transport/stream_state.hpp"
#include "transport/write_buffer.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace tidegate::transport {

class StreamTransport;
class OwnerTag;

/// What made a connection and wants to know of its end: a server.
class ConnectionOwner {
 public:
  virtual void connection_ended(StreamTransport& transport) noexcept = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// The transport of TCP and Unix stream sockets.
///
/// Lifetime: holds itself from `start` on until the connection has ended and nothing is in flight; the
/// protocol and the user hold references beside that.
class StreamTransport final : public Transport,
                              public base::ListNode<OwnerTag>,
                              private loop::Flushable,
                              private loop::Resident,
                              private detail::ReadyNode {
 public:
  /// Takes over `channel`. `owner`: may be null; outlives the connection. Throws as ProtocolSlot, and
  /// std::bad_alloc; the channel is the caller's then.
  static Ref<StreamTransport> make(loop::LoopCore& core, kernel::ChannelId channel, Endpoint peer,
                                   std::shared_ptr<BaseProtocol> protocol, ConnectionOwner* owner);

  /// Tells the protocol of the connection (L1) and begins to read. REQUIRES: called by the loop, once.
  void open();
  /// Has the loop call `open` soon.
  void open_soon();

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
  [[nodiscard]] bool can_write_eof() const noexcept override { return true; }
  void abort() override;
  void set_write_buffer_limits(const WriteBufferLimitOptions& limits) override;
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return flow_.limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override;
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_.shared(); }
  [[nodiscard]] Endpoint peername() const override { return peer_; }
  [[nodiscard]] Endpoint sockname() const override;
  [[nodiscard]] SocketView socket() const noexcept override;
  void retain() noexcept override { ++holders_; }
  void release() noexcept override;

 private:
  static constexpr std::size_t kGatherPieces = 64;

  /// The two operations of a connection, which only pass on what happens to them.
  class Receiving final : public kernel::ReceiveOperation {
   public:
    explicit Receiving(StreamTransport& transport) noexcept : transport_(transport) {}

   private:
    MutableBytesView target() override { return transport_.receive_target(); }
    void received(BytesView bytes) override {
      const loop::LoopCore::CallbackTimer timer(transport_.core_);
      transport_.received(bytes);
    }
    void completed(int result) override {
      const loop::LoopCore::CallbackTimer timer(transport_.core_);
      transport_.receiving_completed(result);
    }
    StreamTransport& transport_;  // Lifetime: its owner
  };
  class Sending final : public kernel::SendOperation {
   public:
    explicit Sending(StreamTransport& transport) noexcept : transport_(transport) {}

   private:
    std::size_t gather(std::span<iovec> pieces) override { return transport_.buffer_.gather(pieces); }
    void completed(int result) override {
      const loop::LoopCore::CallbackTimer timer(transport_.core_);
      transport_.sending_completed(result);
    }
    StreamTransport& transport_;  // Lifetime: its owner
  };

  StreamTransport(loop::LoopCore& core, kernel::ChannelId channel, Endpoint peer,
                  std::shared_ptr<BaseProtocol> protocol, ConnectionOwner* owner);
  ~StreamTransport() = default;

  // Reading.
  void start_receiving();
  MutableBytesView receive_target();
  MutableBytesView ask_for_buffer(BufferedProtocol& protocol) const;
  void received(BytesView bytes);
  void receiving_completed(int result);
  void on_eof();

  // Writing.
  [[nodiscard]] bool accept_write(bool empty);
  [[nodiscard]] bool offers_at_once(std::size_t size_bytes) const noexcept;
  void after_append(bool offered);
  void offer(std::span<const BytesView> pieces);
  void flush() override;
  void send_buffered();
  void wait_for_room() noexcept;
  void sending_completed(int result);
  void after_sending();
  void pause_protocol_if_over();
  void send_eof() noexcept;
  void on_write_error(int error);

  // The end.
  void run() override;
  void discard() noexcept override;
  void loop_closed() noexcept override;
  void fail(const char* message, std::exception_ptr exception);
  void lose(Error reason);
  [[nodiscard]] bool anything_in_flight() const noexcept {
    return receiving_.in_flight() || sending_.in_flight();
  }
  void operation_ended();
  void deliver_loss();
  void end();
  void report(const char* message, std::exception_ptr exception) noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every open transport
  kernel::ChannelId channel_;
  std::uint32_t holders_ = 0;
  StreamState state_;
  bool queued_ = false;       // in the ready queue
  bool draining_ = false;     // writing failed; what had arrived is being delivered, then reason_ ends it
  bool closed_over_ = false;  // the loop was closed over it: nobody is called any more
  ProtocolSlot protocol_;
  ConnectionOwner* owner_;
  FlowControl flow_;
  WriteBuffer buffer_;
  Receiving receiving_{*this};
  Sending sending_{*this};
  Endpoint peer_;
  mutable std::unique_ptr<Endpoint>
      local_;                      // once somebody asked, or still might after the descriptor has gone
  std::unique_ptr<Error> reason_;  // why it was lost; null: no error
};

}  // namespace tidegate::transport
