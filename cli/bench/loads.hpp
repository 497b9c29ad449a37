// The loads: each opens its connections, begins the session, and keeps it busy until it is over.
#pragma once

#include <tidegate/task.hpp>

#include "bench/session.hpp"

#include <memory>

namespace tidegate::cli::bench {

/// Messages out and back, a fixed number under way on each connection, each byte compared.
[[nodiscard]] Task<> echo_load(std::shared_ptr<Session> session);
/// The same of datagrams, of which some may not come back.
[[nodiscard]] Task<> datagram_echo_load(std::shared_ptr<Session> session);
/// Writes as fast as the other end takes it.
[[nodiscard]] Task<> source_load(std::shared_ptr<Session> session);
/// Reads as fast as it comes.
[[nodiscard]] Task<> sink_load(std::shared_ptr<Session> session);
/// Connects, has one message echoed, closes, and again.
[[nodiscard]] Task<> storm_load(std::shared_ptr<Session> session);
/// Holds connections on which nothing happens, then sees which of them still live.
[[nodiscard]] Task<> idle_load(std::shared_ptr<Session> session);

/// The one for the session's mode. Throws std::runtime_error where it can't begin.
[[nodiscard]] Task<> load(std::shared_ptr<Session> session);

}  // namespace tidegate::cli::bench
