// Where a flow plays: a loop, and everything that anybody is told meanwhile. Knows neither faults nor flows.
#pragma once

#include <tidegate/tidegate.hpp>

#include "faults/strike.hpp"
#include "support/test_network.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::faults {

/// What was told while a flow played, and how it ended.
struct Observed {
  /// Null: it came to its end as it does without a fault.
  std::exception_ptr thrown;
  /// The reasons of connection_lost that were not empty, and what datagram protocols were told.
  std::vector<Error> lost;
  std::vector<Error> told;
  /// What the loop's exception handler was told.
  std::vector<std::exception_ptr> reported;
  std::vector<std::string> report_texts;
  /// Lines of the library's log.
  std::vector<std::string> logged;

  [[nodiscard]] std::string text() const;
};

/// A flow was cut short by what was told to a protocol.
class CutShort : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Stage;
/// What happens on a stage: calls `Stage::begin` when the fault may strike, and returns when all is over.
using Flow = Task<void> (*)(Stage&);

/// One loop, for one flow; on a network of its own, where it is a simulated one.
class Stage {
 public:
  /// `fault` is armed at the flow's `begin`.
  Stage(BackendKind backend, std::function<void()> fault);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] Observed& observed() noexcept { return observed_; }

  /// Plays a flow to its end, or until it has taken too long: a TimeoutError then.
  void play(Flow flow);
  /// Whether the loop still does what loops do: empty, or what it did instead.
  [[nodiscard]] std::string signs_of_death();
  /// Ends the loop, over whatever is open.
  void end() noexcept { loop_.reset(); }

  // --- where the loop is ----------------------------------------------------------------------------------

  /// A socket; two that are connected; both ends of a pipe, {read end, write end}: on the system or on the
  /// loop's network.
  [[nodiscard]] Socket stream_socket() const;
  [[nodiscard]] std::pair<Socket, Socket> socket_pair() const;
  [[nodiscard]] std::pair<OwnedFileDescriptor, OwnedFileDescriptor> pipe() const;

  // --- for flows and their protocols ----------------------------------------------------------------------

  /// From here on the fault may strike.
  void begin() const { fault_(); }
  /// Done at the next `changed`.
  [[nodiscard]] Future<void> change();
  void changed() noexcept;
  void lost(const Error& reason);
  void told(const Error& error);

 private:
  std::function<void()> fault_;
  support::TestNetwork network_;
  std::unique_ptr<Loop> loop_;
  Observed observed_;
  Future<void> change_;
};

}  // namespace tidegate::faults
