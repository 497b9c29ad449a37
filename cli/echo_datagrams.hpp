// Sends back every datagram to whom it came from, unless that takes more memory than it is worth.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>

namespace tidegate::cli {

/// The echo of one datagram socket. While it can't send as fast as datagrams arrive, those that arrive are
/// dropped, as the network would: so it holds no more than the transport's high-water mark and one datagram.
class EchoDatagrams final : public DatagramProtocol {
 public:
  explicit EchoDatagrams(Loop& loop) : ended_(loop.create_future<void>()) {}

  /// Done when the socket has been closed.
  [[nodiscard]] const Future<>& ended() const noexcept { return ended_; }

  void connection_made(DatagramTransportRef transport) override { transport_ = std::move(transport); }
  void datagram_received(BytesView data, const Endpoint& address) override {
    // One without an address can't be answered.
    if (!is_paused_ && address != Endpoint::unix_unnamed()) transport_->sendto(data, address);
  }
  // error_received stays empty: an echo that somebody does not take is his affair.
  void pause_writing() override { is_paused_ = true; }
  void resume_writing() override { is_paused_ = false; }
  void connection_lost(const Error&) override {
    transport_.reset();
    ended_.set_result();
  }

 private:
  Future<> ended_;
  DatagramTransportRef transport_;
  bool is_paused_ = false;
};

}  // namespace tidegate::cli
