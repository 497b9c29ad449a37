// See loads.hpp.
#include "bench/loads.hpp"

#include <utility>

namespace tidegate::cli::bench {

Task<> load(std::shared_ptr<Session> session) {
  switch (session->options().mode) {
    case Mode::echo:
      return session->options().is_of_datagrams() ? datagram_echo_load(std::move(session))
                                                  : echo_load(std::move(session));
    case Mode::source:
      return source_load(std::move(session));
    case Mode::sink:
      return sink_load(std::move(session));
    case Mode::storm:
      return storm_load(std::move(session));
    case Mode::idle:
      break;
  }
  return idle_load(std::move(session));
}

}  // namespace tidegate::cli::bench
