// The one fault that is about to strike: see strike.hpp.
#include "faults/strike.hpp"

namespace tidegate::faults {

namespace {

/// Any thread may allocate.
struct Present {
  std::atomic<bool> armed{false};
  std::atomic<Call> call{Call::allocation};
  std::atomic<int> error{0};
  std::atomic<unsigned> occurrence{0};
  std::atomic<unsigned> made{0};
};

Present present;
thread_local int spared_depth = 0;

}  // namespace

const char* name_of(Call call) noexcept {
  switch (call) {
    case Call::recv:
      return "recv";
    case Call::send:
      return "send";
    case Call::recvmmsg:
      return "recvmmsg";
    case Call::sendto:
      return "sendto";
    case Call::sendmmsg:
      return "sendmmsg";
    case Call::sendfile:
      return "sendfile";
    case Call::read:
      return "read";
    case Call::pwritev2:
      return "pwritev2";
    case Call::accept4:
      return "accept4";
    case Call::connect:
      return "connect";
    case Call::socket_error:
      return "socket_error";
    case Call::epoll_add:
      return "epoll_add";
    case Call::epoll_wait:
      return "epoll_wait";
    case Call::socket:
      return "socket";
    case Call::bind:
      return "bind";
    case Call::listen:
      return "listen";
    case Call::set_option:
      return "set_option";
    case Call::set_protocol_option:
      return "set_protocol_option";
    case Call::getsockname:
      return "getsockname";
    case Call::fstat:
      return "fstat";
    case Call::pipe2:
      return "pipe2";
    case Call::epoll_create1:
      return "epoll_create1";
    case Call::eventfd:
      return "eventfd";
    case Call::ring_setup:
      return "ring_setup";
    case Call::ring_register:
      return "ring_register";
    case Call::ring_enter:
      return "ring_enter";
    case Call::receive_request:
      return "receive_request";
    case Call::accept_request:
      return "accept_request";
    case Call::send_request:
      return "send_request";
    case Call::poll_request:
      return "poll_request";
    case Call::watch_request:
      return "watch_request";
    case Call::hangup_request:
      return "hangup_request";
    case Call::receive_request_later:
      return "receive_request_later";
    case Call::accept_request_later:
      return "accept_request_later";
    case Call::watch_request_later:
      return "watch_request_later";
    case Call::allocation:
      return "allocation";
  }
  return "call";
}

void arm(Call call, int error, unsigned occurrence) noexcept {
  present.call = call;
  present.error = error;
  present.occurrence = occurrence;
  present.made = 0;
  present.armed = true;
}

void disarm() noexcept { present.armed = false; }

bool has_struck() noexcept { return present.made >= present.occurrence; }

unsigned calls_made() noexcept { return present.made; }

int verdict(Call call) noexcept {
  if (!present.armed.load(std::memory_order_relaxed) || present.call != call || spared_depth > 0) return 0;
  return ++present.made == present.occurrence ? present.error.load() : 0;
}

Spared::Spared() noexcept { ++spared_depth; }
Spared::~Spared() { --spared_depth; }

}  // namespace tidegate::faults
