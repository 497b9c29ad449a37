// How a TCP connection comes about: a request that travels, is lost and sent again, and what is answered.
// Knows nothing of what the sockets do with it.
#pragma once

#include "kernel/sim/accept_queue.hpp"
#include "kernel/sim/connection.hpp"
#include "kernel/sim/event_queue.hpp"

#include <cstdint>
#include <memory>

namespace tidegate::kernel::sim {

struct Environment;

/// Who connects.
class HandshakeOwner {
 public:
  /// The handshake has done its part, and may be destroyed.
  virtual void handshake_done() noexcept = 0;
  virtual void handshake_failed(int error) noexcept = 0;

 protected:
  ~HandshakeOwner() = default;
};

/// Given up when it is destroyed.
class Handshake {
 public:
  /// Sends the first request. `connection`: with the addresses of both ends. Throws std::bad_alloc.
  Handshake(Environment& environment, HandshakeOwner& owner, std::shared_ptr<Connection> connection);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake();

 private:
  enum class Step : std::uint8_t {
    request_arrives,
    request_is_repeated,
    answer_arrives,
    refusal_arrives,
    time_is_up
  };

  [[nodiscard]] const InternetName& from() const noexcept;
  [[nodiscard]] const InternetName& to() const noexcept;
  [[nodiscard]] bool is_cut_off() const noexcept;
  void next(Step step, TimePoint when) noexcept;
  void happen() noexcept;
  void send_request() noexcept;
  void request_arrives() noexcept;
  void request_is_lost() noexcept;
  void answer_arrives() noexcept;
  void fail(int error) noexcept;

  Environment& environment_;
  HandshakeOwner& owner_;
  std::shared_ptr<Connection> connection_;
  /// Where a place is kept.
  std::weak_ptr<AcceptQueue> queue_;
  TimePoint begun_;
  TimePoint sent_;
  Duration patience_;
  bool is_refused_ = false;
  Step step_ = Step::request_arrives;
  Happening happening_;
};

}  // namespace tidegate::kernel::sim
