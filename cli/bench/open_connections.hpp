// Opens the connections of a load, some at a time.
#pragma once

#include <tidegate/protocol.hpp>
#include <tidegate/task.hpp>

#include "bench/session.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace tidegate::cli::bench {

/// Makes the protocol of a connection; they are numbered from 1.
using MakeClient = std::function<std::shared_ptr<StreamProtocol>(std::size_t number)>;

/// Opens as many as the options say, never more than a few dozen at once: a server's queue is short. Throws
/// std::runtime_error as soon as one of them can't be opened, or takes too long.
[[nodiscard]] Task<> open_connections(std::shared_ptr<Session> session, MakeClient make_client);

}  // namespace tidegate::cli::bench
