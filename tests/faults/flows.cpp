// The list of the typical flows: see flows.hpp.
#include "faults/flows.hpp"

#include <array>
#include <string_view>

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
      NamedFlow{"reset", play_reset},
      NamedFlow{"half_closed", play_half_closed},
      NamedFlow{"datagrams", play_datagrams},
#ifdef TIDEGATE_HAS_TLS
      NamedFlow{"tls_echo", play_tls_echo},
      NamedFlow{"start_tls", play_start_tls},
#endif
      NamedFlow{"subprocess", play_subprocess},
      NamedFlow{"subprocess_and_thread", play_subprocess_and_thread},
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

std::string obstacle_to(const NamedFlow& flow, BackendKind backend) {
  struct Reason {
    std::string_view flow;
    const char* why;
  };
  static constexpr const char* kNoChildren = "a child is the system's, and can't use simulated descriptors";
  static constexpr std::array kNotSimulated{
      Reason{"subprocess", kNoChildren},
      Reason{"subprocess_and_thread", kNoChildren},
      Reason{"process_streams", kNoChildren},
  };
  if (backend != BackendKind::simulated) return {};
  for (const Reason& reason : kNotSimulated) {
    if (reason.flow == flow.name) return reason.why;
  }
  return {};
}

std::span<const NamedFlow> flows_of(Operation operation) {
  static constexpr std::array kTalks{NamedFlow{"pair_echo", play_pair_echo},
                                     NamedFlow{"buffered_echo", play_buffered_echo}};
  static constexpr std::array kWatches{NamedFlow{"writelines", play_writelines},
                                       NamedFlow{"half_closed", play_half_closed}};
  static constexpr std::array kTcpEcho{NamedFlow{"tcp_echo", play_tcp_echo}};
  static constexpr std::array kServing{NamedFlow{"serving", play_serving}};
  static constexpr std::array kAccepting{NamedFlow{"accepting", play_accepting}};
  static constexpr std::array kConnecting{NamedFlow{"connecting", play_connecting}};
  static constexpr std::array kDatagrams{NamedFlow{"datagrams", play_datagrams}};
  static constexpr std::array kPipes{NamedFlow{"pipes", play_pipes}};
  static constexpr std::array kSendfile{NamedFlow{"sendfile", play_sendfile}};
  static constexpr std::array kSubprocess{NamedFlow{"subprocess", play_subprocess}};
  switch (operation) {
    case Operation::receive:
    case Operation::send:
      return kTalks;
    case Operation::send_file:
      return kSendfile;
    case Operation::accept:
      return kAccepting;
    case Operation::connect:
      return kConnecting;
    case Operation::receive_datagrams:
    case Operation::send_datagrams:
    case Operation::make_endpoint:
      return kDatagrams;
    case Operation::read_pipe:
    case Operation::write_pipe:
    case Operation::make_pipe:
      return kPipes;
    case Operation::watch:
      return kWatches;
    case Operation::wait:
    case Operation::make_loop:
      return kTcpEcho;
    case Operation::make_server:
      return kServing;
    case Operation::start_process:
      return kSubprocess;
  }
  return {};
}

}  // namespace tidegate::faults
