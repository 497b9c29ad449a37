// What a transport says of itself at one moment, of whichever kind it is. Knows no rules.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/transport.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace tidegate::checking {

struct Observed {
  /// Whose the transport is; a checker that is not asked any more says nothing of it.
  const BaseProtocol* protocol = nullptr;
  bool closing = false;
  /// True where the kind has no such state.
  bool reading = true;
  std::size_t buffered_bytes = 0;
  WriteBufferLimits limits = {};
  /// What is buffered may grow outside of writes: TLS puts it into records later.
  bool grows_by_itself = false;
};

/// Looks at one transport, which it keeps.
using Observe = std::function<Observed()>;

[[nodiscard]] inline Observed observe(const Transport& transport) {
  const bool closing = transport.is_closing();
  return {.protocol = transport.get_protocol().get(),
          .closing = closing,
          .reading = transport.is_reading(),
          .buffered_bytes = transport.get_write_buffer_size(),
          .limits = transport.get_write_buffer_limits()};
}

[[nodiscard]] inline Observed observe(const DatagramTransport& transport) {
  const bool closing = transport.is_closing();
  return {.protocol = transport.get_protocol().get(),
          .closing = closing,
          .reading = !closing,
          .buffered_bytes = transport.get_write_buffer_size(),
          .limits = transport.get_write_buffer_limits()};
}

/// The pipe to the child's standard input is what its protocol is told to pause for (S6).
[[nodiscard]] inline Observed observe(const SubprocessTransport& transport) {
  const bool closing = transport.is_closing();
  Observed observed{.protocol = transport.get_protocol().get(), .closing = closing, .reading = !closing};
  if (const TransportRef input = transport.get_pipe_transport(0)) {
    observed.closing = closing || input->is_closing();
    observed.reading = !observed.closing;
    observed.buffered_bytes = input->get_write_buffer_size();
    observed.limits = input->get_write_buffer_limits();
  }
  return observed;
}

/// Keeps the transport.
template <typename TransportType>
[[nodiscard]] Observe observing(Ref<TransportType> transport) {
  const bool is_secured = transport->get_extra_info("sslcontext").has_value();
  return [transport = std::move(transport), is_secured] {
    Observed now = observe(*transport);
    now.grows_by_itself = is_secured;
    return now;
  };
}

}  // namespace tidegate::checking
