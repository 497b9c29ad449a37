// The rig of the contract tests: a loop on a given ground, connections with one end traced and the other
// traced or raw, and waiting that ends. What a test leaves behind (descriptors, protocols, reports) fails it.
// Knows no clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "contract/ground.hpp"
#include "contract/traced_end.hpp"
#include "support/raw_peer.hpp"
#include "support/test_network.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::contract {

using testing::RawPeer;

/// One call of the loop's exception handler.
struct Report {
  std::string message;
  std::exception_ptr exception;
  /// Only to be compared.
  const BaseTransport* transport = nullptr;
  const BaseProtocol* protocol = nullptr;
};

/// A loop and its connections.
class Rig {
 public:
  explicit Rig(const Ground& ground);
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  /// Ends what is open and fails the test where anything is left.
  ~Rig();

  /// Why tests can't stand on this ground here, such as a machine without IPv6; empty where they can.
  [[nodiscard]] static std::string obstacle(const Ground& ground);

  [[nodiscard]] const Ground& ground() const noexcept { return ground_; }
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }

  // --- connections -------------------------------------------------------------------------------

  struct RawLink {
    TracedEnd& end;
    RawPeer& peer;
  };
  struct TracedLink {
    TracedEnd& here;
    TracedEnd& there;
  };
  /// Called when both ends exist, before connection_made.
  using BeforeMade = std::function<void(TracedEnd&, RawPeer&)>;

  /// Connects an end under test, on the ground's side, with a raw one.
  RawLink connect_raw(const BeforeMade& before_made = {});
  /// Connects two ends under test; `here` is the one on the ground's side. `prepare` comes before both
  /// connection_made.
  TracedLink connect_pair(const std::function<void(TracedEnd& here, TracedEnd& there)>& prepare = {});
  /// An end that nothing is connected to yet.
  TracedEnd& make_end(const std::string& name);
  /// A raw end with what `make_protocol` makes at the other; runs until `made`.
  RawPeer& connect_raw_to(const std::function<std::shared_ptr<BaseProtocol>()>& make_protocol,
                          const std::function<void(RawPeer&)>& before_made,
                          const std::function<bool()>& made);

  /// Whether connection_made had been called when the last connecting call returned.
  [[nodiscard]] bool made_on_return() const noexcept { return made_on_return_; }

  // --- running -----------------------------------------------------------------------------------

  /// Runs the loop until `holds`, which is looked at after every callback and at least every 200
  /// microseconds. Throws, which fails the test with every trace, where that takes longer than a minute.
  /// Meanwhile the raw TLS peer of an end that is closing reads on and answers its close_notify, as every
  /// peer does.
  void run_until(const std::function<bool()>& holds, const char* what = "the condition");
  /// Runs some iterations, none of which waits.
  void run_rounds(int count);
  /// Runs until nothing happens any more: many iterations in a row without a callback.
  void run_until_quiet();
  /// Does `work` inside the loop, in a callback of its own.
  void in_loop(const std::function<void()>& work);
  /// Writes `pattern` bytes to a peer that does not read until the kernel takes no more and half a megabyte
  /// is left in the buffer; nothing is paused by that. Returns how many bytes were written; the marks are far
  /// up afterwards.
  std::size_t fill_kernel(TracedEnd& end);
  /// How much processor time the loop needs for running `span` long.
  [[nodiscard]] std::chrono::nanoseconds processor_time_of_running(std::chrono::milliseconds span);

  // --- what was said -----------------------------------------------------------------------------

  /// What the exception handler was told since the last call. What is not taken fails the test.
  [[nodiscard]] std::vector<Report> take_reports();
  /// The one report that there is; fails the test, and returns an empty one, where there are more or none.
  [[nodiscard]] Report take_report();
  /// Warnings and errors of the log since the last call. What is not taken fails the test.
  [[nodiscard]] std::vector<std::string> take_warnings();

  // --- the end -----------------------------------------------------------------------------------

  /// Closes the loop over whatever is open.
  void close_loop();
  /// Closes and destroys it.
  void destroy_loop();
  /// Every trace.
  [[nodiscard]] std::string traces() const;

 private:
  struct Listener;
  /// An end under test with the raw one that it is connected to.
  struct Link {
    TracedEnd* end;
    RawPeer* peer;
  };

  [[nodiscard]] std::string unix_name(const char* role);
  [[nodiscard]] Endpoint server_endpoint();
  [[nodiscard]] Listener& listener();
  void run_beside_handshakes(Task<> connecting);
  void answer_farewells();
  void check_progress();
  void end_connections();
  void check_leftovers();

  support::TestNetwork network_;
  Ground ground_;
  std::map<int, std::string> descriptors_before_;
  std::string folder_;
  Stage stage_;
  std::unique_ptr<Loop> loop_;
  std::vector<std::unique_ptr<TracedEnd>> ends_;
  std::vector<std::unique_ptr<RawPeer>> peers_;
  std::vector<Link> links_;
  std::unique_ptr<Listener> listener_;
  Server server_;
  std::function<std::shared_ptr<BaseProtocol>()> accepted_factory_;
  std::vector<Report> reports_;
  std::vector<std::string> warnings_;
  const std::function<bool()>* awaited_ = nullptr;
  bool reached_ = false;
  bool made_on_return_ = false;
  unsigned callbacks_ = 0;
};

}  // namespace tidegate::contract
