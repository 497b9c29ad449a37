// The calls of a simulated kernel by the names that the table has for them: see simulated_refusals.hpp.
#include "faults/simulated_refusals.hpp"

#include "faults/strike.hpp"

namespace tidegate::faults {

namespace {

/// That call of the system which does the same.
Call namesake_of(kernel::sim::Call call) noexcept {
  switch (call) {
    case kernel::sim::Call::receive:
      return Call::recv;
    case kernel::sim::Call::send:
      return Call::send;
    case kernel::sim::Call::send_file:
      return Call::sendfile;
    case kernel::sim::Call::accept:
      return Call::accept4;
    case kernel::sim::Call::receive_datagrams:
      return Call::recvmmsg;
    case kernel::sim::Call::send_datagrams:
      return Call::sendto;
    case kernel::sim::Call::read:
      return Call::read;
    case kernel::sim::Call::write:
      return Call::pwritev2;
    case kernel::sim::Call::make_socket:
      return Call::socket;
    case kernel::sim::Call::bind:
      return Call::bind;
    case kernel::sim::Call::listen:
      return Call::listen;
    case kernel::sim::Call::connect:
      return Call::connect;
    case kernel::sim::Call::pending_error:
      return Call::socket_error;
    case kernel::sim::Call::set_option:
      return Call::set_option;
    case kernel::sim::Call::set_protocol_option:
      return Call::set_protocol_option;
    case kernel::sim::Call::tell_name:
      return Call::getsockname;
    case kernel::sim::Call::tell_kind:
      return Call::fstat;
  }
  return Call::recv;
}

class OfTheStrike final : public kernel::sim::Refusals {
 public:
  int refusal_of(kernel::sim::Call call) noexcept override { return verdict(namesake_of(call)); }
};

}  // namespace

kernel::sim::Refusals& refusals_of_the_strike() noexcept {
  static OfTheStrike refusals;
  return refusals;
}

}  // namespace tidegate::faults
