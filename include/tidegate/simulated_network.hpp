// A network in memory with a clock of its own: for tests of protocols in bad weather, without a socket and
// without waiting. Part of <tidegate/testing.hpp>.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/socket.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tidegate::kernel::sim {
class World;
}

namespace tidegate::testing {

/// The weather on a network. Chances are from 0 (never) to 1 (always), each drawn anew every time.
struct NetworkConditions {
  /// How long a segment, a datagram or the answer to a connect is under way: anything between the two.
  Duration shortest_latency = std::chrono::microseconds(50);
  Duration longest_latency = std::chrono::milliseconds(5);
  /// What is written travels in segments of 1 to this many bytes, in order.
  std::size_t largest_segment_bytes = 16384;
  /// What the sending and the receiving side of each connection hold before a writer has to wait.
  std::size_t send_buffer_bytes = std::size_t{64} * 1024;
  std::size_t receive_buffer_bytes = std::size_t{64} * 1024;

  /// A segment of a TCP connection arrives late, as one that had to be sent again: after `retransmission`
  /// more. What is behind it waits for it.
  double segment_loss = 0;
  Duration retransmission = std::chrono::milliseconds(200);
  /// A connection is reset by the network; drawn for each segment.
  double reset = 0;
  /// A connect is refused although somebody listens; it gets no answer at all, and fails with ETIMEDOUT after
  /// `connect_timeout`.
  double connect_refusal = 0;
  double connect_loss = 0;
  Duration connect_timeout = std::chrono::seconds(127);
  /// accept says EMFILE: the program has run out of descriptors.
  double accept_shortage = 0;

  /// A datagram gets lost; arrives twice; is overtaken by later ones.
  double datagram_loss = 0;
  double datagram_duplication = 0;
  double datagram_reordering = 0;
  /// Sending a datagram says ENOBUFS.
  double datagram_shortage = 0;

  /// What a kernel may do and seldom does: it takes or gives only a part of what it could; wakes somebody up
  /// for nothing; says EINTR; tells things in another order than they happened in, where nothing orders them;
  /// completes what was just cancelled.
  double short_transfer = 0.2;
  double spurious_wakeup = 0.05;
  double late_report = 0.1;
};

/// Weather in which nothing goes wrong and everything arrives whole.
[[nodiscard]] NetworkConditions calm() noexcept;
/// Weather for a seed: how bad, and in which ways, is drawn from it; nothing that breaks a connection.
[[nodiscard]] NetworkConditions rough(std::uint64_t seed) noexcept;
/// The same with what breaks connections, too.
[[nodiscard]] NetworkConditions hostile(std::uint64_t seed) noexcept;

/// A network that one loop stands on: `Loop loop({.network = &network})`. Every transport of that loop is
/// what it always is; what is simulated is the kernel below, and the time. Nothing sleeps: where nothing
/// happens, the clock jumps to what happens next, so an hour of time-outs passes at once.
///
/// Everything that is left to chance is drawn from the seed. The same program with the same seed does the
/// same, on any machine (`trace_hash` tells); except what a thread or a real descriptor of its own brings
/// into it.
///
/// Thread: the loop's. Lifetime: outlives the loop on it, and every socket that it made.
class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(std::uint64_t seed = 1, const NetworkConditions& conditions = calm());
  SimulatedNetwork(const SimulatedNetwork&) = delete;
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;
  ~SimulatedNetwork();

  [[nodiscard]] std::uint64_t seed() const noexcept;
  [[nodiscard]] const NetworkConditions& conditions() const noexcept;
  /// From now on; what is under way already is not changed. Throws std::invalid_argument that names the value
  /// that makes no sense.
  void set_conditions(const NetworkConditions& conditions);

  /// The time of day on this network, which begins at an hour after the clock's zero: as `Loop::time`.
  [[nodiscard]] TimePoint now() const noexcept;

  // --- names and places ----------------------------------------------------------------------------

  /// Has `name` stand for an address, numeric, without a port; may be called again for more of them. Names
  /// that nobody added, but "localhost", are not known. Throws std::invalid_argument.
  void add_host(std::string_view name, std::string_view address);
  /// Nothing arrives at, or comes from, an address any more, as behind a cut cable, until `mend`: connections
  /// stay as they are and what is sent on them arrives when it is mended; connects time out; datagrams are
  /// lost. Throws std::invalid_argument.
  void cut(std::string_view address);
  void mend(std::string_view address);
  /// Every connection with an end at that address is reset, as where its machine restarts.
  void reset_connections(std::string_view address);

  // --- ends without a transport --------------------------------------------------------------------

  /// Sockets on this network, for what is handed to the loop (`create_connection(factory, socket)`, ...) and
  /// for tests that move bytes by themselves. Throw OsError.
  [[nodiscard]] Socket stream(AddressFamily family);
  [[nodiscard]] Socket datagram(AddressFamily family);
  [[nodiscard]] std::pair<Socket, Socket> socket_pair();
  /// {read end, write end}
  [[nodiscard]] std::pair<OwnedFileDescriptor, OwnedFileDescriptor> pipe();

  // --- what has happened ---------------------------------------------------------------------------

  /// A number for all that has happened so far: where, in which order and when. Contents of what was sent do
  /// not count (those of TLS are random), sizes do.
  [[nodiscard]] std::uint64_t trace_hash() const noexcept;
  /// The last of it in words, one event a line, with the time of each.
  [[nodiscard]] std::string trace() const;
  /// How many sockets and pipes are open at this moment: 0 when everything has been closed.
  [[nodiscard]] std::size_t open_descriptors() const noexcept;

  /// For the library itself.
  [[nodiscard]] kernel::sim::World& world() noexcept { return *world_; }

 private:
  std::unique_ptr<kernel::sim::World> world_;
};

}  // namespace tidegate::testing
