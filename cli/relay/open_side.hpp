// From a place that somebody named to the end of a pair.
#pragma once

#include <tidegate/socket.hpp>
#include <tidegate/task.hpp>

#include "relay/child_side.hpp"
#include "relay/options.hpp"
#include "relay/pair.hpp"
#include "relay/side.hpp"

#include <memory>
#include <string>

namespace tidegate::cli::relay {

/// An end that is there, and has not joined its pair.
struct OpenedSide {
  std::shared_ptr<Side> side;
  /// The same one where it is a command; else null.
  std::shared_ptr<ChildSide> child;
  /// What was agreed on with its peer, for people; empty where it is not secured.
  std::string agreement;
};

/// Opens `place`, which does not listen. Throws std::exception that says what failed. Cancelling it leaves
/// nothing open. Lifetime: `place` and `options` outlive the task.
[[nodiscard]] Task<OpenedSide> open_side(const Place& place, PairEnd pair_end, const Options& options);

/// The same for a connection that was accepted at `place`, which listens.
[[nodiscard]] Task<OpenedSide> adopt_side(const Place& place, Socket socket, PairEnd pair_end,
                                          const Options& options);

}  // namespace tidegate::cli::relay
