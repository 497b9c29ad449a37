// A datagram socket under the contract: between one protocol and one channel of the kernel.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/handle.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "net/socket_address.hpp"
#include "transport/datagram_buffer.hpp"
#include "transport/datagram_protocol_slot.hpp"
#include "transport/flow_control.hpp"
#include "transport/last_sender.hpp"
#include "transport/stream_state.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tidegate::transport {

class DatagramSocketTransport;

/// The two operations of a socket, which only pass on what happens to them: see StreamReceiving.
class DatagramReceiving : public kernel::DatagramReceiveOperation {
 protected:
  ~DatagramReceiving() = default;

 private:
  [[nodiscard]] AddressFamily family() const noexcept final;
  void received(BytesView datagram, const net::SocketAddress& sender) final;
  void completed(int result) final;
};
class DatagramSending : public kernel::DatagramSendOperation {
 protected:
  ~DatagramSending() = default;

 private:
  std::size_t gather(std::span<kernel::OutgoingDatagram> datagrams) final;
  void completed(int result) final;
};

/// What a socket is, as far as its transport has to know.
struct DatagramSocket {
  AddressFamily family = AddressFamily::unspecified;
  /// UDP and nothing else that looks like it.
  bool is_udp = false;
  /// The kernel knows where everything goes, and takes nothing from others.
  bool connected = false;
  /// The only address to send to; none: any.
  Endpoint remote = {};
};

/// The transport of UDP and Unix datagram sockets.
///
/// Lifetime: holds itself from `make` on until it has ended and nothing is in flight; the protocol and the
/// user hold references beside that.
class DatagramSocketTransport final : public DatagramTransport,
                                      public loop::Visitor,
                                      private DatagramReceiving,
                                      private DatagramSending {
 public:
  /// Takes over `channel`. Throws as DatagramProtocolSlot, and std::bad_alloc; the channel is the caller's
  /// then.
  static Ref<DatagramSocketTransport> make(loop::LoopCore& core, kernel::ChannelId channel,
                                           DatagramSocket socket, std::shared_ptr<BaseProtocol> protocol);

  /// Tells the protocol of the socket (L1) and begins to receive. REQUIRES: called by the loop, once.
  void open();
  void loop_closed() noexcept override;
  /// As `sendto`, for who has the address as a sockaddr already; empty: where the kernel knows it.
  /// REQUIRES: the transport may send there.
  void send_to(BytesView data, BytesView address);
  /// As `abort`, with a reason for the protocol.
  void abort_for(Error reason);

  // --- DatagramTransport, see there --------------------------------------------------------------
  void sendto(BytesView data) override { sendto(data, Endpoint()); }
  void sendto(BytesView data, const Endpoint& address) override;
  void close() override;
  void abort() override;
  [[nodiscard]] bool is_closing() const noexcept override { return state_.is_closing(); }
  [[nodiscard]] std::any get_extra_info(std::string_view name) const override;
  [[nodiscard]] Loop& loop() const noexcept override { return core_.loop(); }
  void set_write_buffer_limits(const WriteBufferLimitOptions& limits) override;
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return flow_.limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override { return buffer_.size(); }
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_.shared(); }
  [[nodiscard]] Endpoint peername() const override { return socket_.connected ? socket_.remote : Endpoint(); }
  [[nodiscard]] Endpoint sockname() const override;
  [[nodiscard]] SocketView socket() const noexcept override;
  void retain() noexcept override { ++holders_; }
  void release() noexcept override;

 private:
  friend class DatagramReceiving;
  friend class DatagramSending;

  DatagramSocketTransport(loop::LoopCore& core, kernel::ChannelId channel, DatagramSocket socket,
                          std::shared_ptr<BaseProtocol> protocol);
  ~DatagramSocketTransport() = default;

  // Receiving.
  void deliver(BytesView datagram, const net::SocketAddress& sender);
  void receiving_completed(int result);

  // Sending.
  void check_address(const Endpoint& address) const;
  [[nodiscard]] bool offer(BytesView datagram, BytesView address);
  void send_what_waits();
  void wait_for_room();
  void try_again_later();
  [[nodiscard]] bool waits_for_room() noexcept { return sending().in_flight() || trying_again_; }
  void flush() override;
  void settle_later();
  void sending_completed(int result);
  void after_sending();
  void pause_protocol_if_over();
  void tell_error(int error, const char* attempted);

  // The end.
  void run() override;
  void discard() noexcept override;
  void lose(Error reason);
  [[nodiscard]] kernel::DatagramReceiveOperation& receiving() noexcept { return *this; }
  [[nodiscard]] kernel::DatagramSendOperation& sending() noexcept { return *this; }
  [[nodiscard]] bool anything_in_flight() noexcept {
    return receiving().in_flight() || sending().in_flight();
  }
  void operation_ended();
  void deliver_loss();
  void end();
  void remember_sockname() const noexcept;
  void report(const char* message, std::exception_ptr exception) noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every open transport
  const kernel::ChannelId channel_;
  const DatagramSocket socket_;
  const net::SocketAddress remote_address_;
  DatagramProtocolSlot protocol_;
  // A datagram socket lives as a stream does, but for the ends of file.
  StreamState state_;
  FlowControl flow_;
  DatagramBuffer buffer_;
  LastSender last_sender_;
  TimerHandle next_try_;
  Duration pause_between_tries_;
  mutable std::optional<Endpoint> local_;  // once somebody asked, or still might after the socket has gone
  Error reason_;                           // why it was lost
  bool trying_again_ = false;
  bool telling_error_ = false;
  bool queued_ = false;       // in the ready queue
  bool closed_over_ = false;  // the loop was closed over it: nobody is called any more
  std::uint32_t holders_ = 0;
};

}  // namespace tidegate::transport
