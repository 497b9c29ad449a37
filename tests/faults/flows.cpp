// The list of the typical flows: see flows.hpp.
#include "faults/flows.hpp"

#include <array>

namespace tidegate::faults {

std::span<const NamedFlow> typical_flows() {
  static constexpr std::array kFlows{
      NamedFlow{"tcp_echo", play_tcp_echo},
      NamedFlow{"unix_echo", play_unix_echo},
      NamedFlow{"pair_echo", play_pair_echo},
      NamedFlow{"buffered_echo", play_buffered_echo},
      NamedFlow{"many_clients", play_many_clients},
      NamedFlow{"happy_eyeballs", play_happy_eyeballs},
      NamedFlow{"writelines", play_writelines},
      NamedFlow{"full_buffers", play_full_buffers},
      NamedFlow{"sendfile", play_sendfile},
      NamedFlow{"pipes", play_pipes},
      NamedFlow{"streams", play_streams},
      NamedFlow{"datagrams", play_datagrams},
      NamedFlow{"tls_echo", play_tls_echo},
      NamedFlow{"start_tls", play_start_tls},
      NamedFlow{"subprocess", play_subprocess},
      NamedFlow{"process_streams", play_process_streams},
      NamedFlow{"tasks", play_tasks},
      NamedFlow{"timers", play_timers},
      NamedFlow{"threadsafe_calls", play_threadsafe_calls},
      NamedFlow{"executor", play_executor},
      NamedFlow{"readers_and_writers", play_readers_and_writers},
      NamedFlow{"signals", play_signals},
  };
  return kFlows;
}

}  // namespace tidegate::faults
