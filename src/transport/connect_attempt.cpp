// One attempt to connect: see connect_attempt.hpp.
#include "transport/connect_attempt.hpp"

#include "net/socket_address.hpp"

#include <memory>
#include <utility>

namespace tidegate::transport {

/// Stays for as long as the kernel works on it, even if nobody waits for it any more.
class ConnectAttempt::Connecting final : public kernel::ConnectOperation {
 public:
  Connecting(loop::LoopCore& core, OwnedChannel channel, const Endpoint& endpoint)
      : core_(core),
        channel_(std::move(channel)),
        address_(net::to_sockaddr(endpoint)),
        done_(core.loop().create_future<std::error_code>()) {}

  void start() noexcept { core_.backend().start(*this, channel_.get()); }

  [[nodiscard]] const Future<std::error_code>& done() const noexcept { return done_; }
  [[nodiscard]] OwnedChannel take() noexcept { return std::move(channel_); }

  /// Nobody waits any more.
  void abandon() noexcept {
    abandoned_ = true;
    if (in_flight()) {
      core_.backend().cancel(*this, channel_.get());
    } else {
      delete this;
    }
  }

 private:
  [[nodiscard]] const net::SocketAddress& address() const noexcept override { return address_; }

  void completed(int result) override {
    if (abandoned_) {
      delete this;
    } else if (!done_.done()) {
      done_.set_result(std::error_code(-result, std::system_category()));
    }
  }

  loop::LoopCore& core_;  // Lifetime: outlives every operation
  OwnedChannel channel_;
  net::SocketAddress address_;
  Future<std::error_code> done_;
  bool abandoned_ = false;
};

ConnectAttempt::ConnectAttempt(loop::LoopCore& core, Socket socket, const Endpoint& endpoint) {
  OwnedChannel channel(core, core.backend().attach(socket.release()));
  connecting_ = new Connecting(core, std::move(channel), endpoint);
  connecting_->start();
}

ConnectAttempt::~ConnectAttempt() { connecting_->abandon(); }

Future<std::error_code> ConnectAttempt::wait() const { return connecting_->done(); }

OwnedChannel ConnectAttempt::take() noexcept { return connecting_->take(); }

}  // namespace tidegate::transport
