// A simulated kernel's sockets and pipes, the network between them and its clock. Pure: no system call, no
// thread, all chance out of one seed. Knows no operations; sim_backend.hpp stands on it.
#pragma once

#include <tidegate/simulated_network.hpp>

#include "base/intrusive_list.hpp"
#include "base/simulated_descriptors.hpp"
#include "kernel/sim/chance.hpp"
#include "kernel/sim/refusals.hpp"
#include "kernel/sim/trace.hpp"
#include "net/socket_address.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

namespace tidegate::kernel::sim {

struct Environment;
class File;

/// One simulated machine room: every address is in it.
///
/// The calls of SimulatedDescriptors are what sockets are used by, also by the backend. Between them time
/// stands still; `advance` moves it, and only there does anything travel or arrive.
class World final : public base::SimulatedDescriptors {
 public:
  World(std::uint64_t seed, const NetworkConditions& conditions);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // --- time ----------------------------------------------------------------------------------------

  [[nodiscard]] TimePoint now() const noexcept;
  /// When the next thing happens on the network; none: nothing is under way.
  [[nodiscard]] std::optional<TimePoint> next_event() const noexcept;
  /// Moves the clock, not beyond `until`, and no further than the next time at which something happens; that
  /// has happened then (all that is due at that very time). `until` in the past: what is due happens.
  void advance(TimePoint until);
  /// Has `call` called at that time, as a part of the network (a job of the executor, a name that is looked
  /// up). Throws std::bad_alloc.
  void at(TimePoint when, std::function<void()> call);

  // --- making --------------------------------------------------------------------------------------

  /// As socket(2), by AF_... and SOCK_STREAM or SOCK_DGRAM: a number or a negative errno.
  [[nodiscard]] int socket(int domain, int type) noexcept;
  /// As socketpair(2) of Unix stream sockets, or of datagrams: 0 or a negative errno.
  [[nodiscard]] int socket_pair(int type, int (&numbers)[2]) noexcept;
  /// As pipe2(2): {read end, write end}.
  [[nodiscard]] int pipe(int (&numbers)[2]) noexcept;

  // --- faults --------------------------------------------------------------------------------------

  /// From now on they are asked about every call; null: nobody is. Lifetime: they outlive this, or are taken
  /// back.
  void set_refusals(Refusals* refusals) noexcept { refusals_ = refusals; }
  /// The negative errno that this call, which is about to be made, fails with; 0: none.
  [[nodiscard]] int refusal_of(Call call) noexcept;

  // --- names and places ----------------------------------------------------------------------------

  void add_host(std::string_view name, std::string_view address);
  /// The addresses of a name, with port 0; empty where it is not known.
  [[nodiscard]] std::vector<Endpoint> addresses_of(std::string_view name) const;
  void cut(std::string_view address);
  void mend(std::string_view address);
  void reset_connections(std::string_view address);

  // --- chance, and what is written down ------------------------------------------------------------

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] const NetworkConditions& conditions() const noexcept { return conditions_; }
  void set_conditions(const NetworkConditions& conditions);
  [[nodiscard]] Chance& chance() noexcept { return chance_; }
  [[nodiscard]] Trace& trace() noexcept { return trace_; }
  /// The number of a descriptor within this world, from 1 on in the order of their making and never used
  /// again: what the trace calls it by.
  [[nodiscard]] std::uint32_t name_of(int number) const noexcept;
  [[nodiscard]] std::size_t open_descriptors() const noexcept;

  // --- SimulatedDescriptors ------------------------------------------------------------------------

  int close(int number) noexcept override;
  int bind(int number, const sockaddr* address, socklen_t length) noexcept override;
  int listen(int number, int backlog) noexcept override;
  int connect(int number, const sockaddr* address, socklen_t length) noexcept override;
  int accept(int number, sockaddr* address, socklen_t* length) noexcept override;
  int getsockname(int number, sockaddr* address, socklen_t* length) noexcept override;
  int getpeername(int number, sockaddr* address, socklen_t* length) noexcept override;
  int getsockopt(int number, int level, int name, void* value, socklen_t* length) noexcept override;
  int setsockopt(int number, int level, int name, const void* value, socklen_t length) noexcept override;
  int shutdown(int number, int how) noexcept override;
  std::ptrdiff_t recvmsg(int number, msghdr* message, int flags) noexcept override;
  std::ptrdiff_t sendmsg(int number, const msghdr* message, int flags) noexcept override;
  int fcntl(int number, int command, int argument) noexcept override;
  int fstat(int number, struct stat* status) noexcept override;
  short poll(int number) noexcept override;

 private:
  struct Description;
  class Job;
  /// A number: what it stands for, which duplicates share, and what is its own.
  struct Entry {
    std::shared_ptr<Description> description;
    std::uint32_t name = 0;
    int descriptor_flags = 0;
  };

  [[nodiscard]] Entry* find(int number) const noexcept;
  [[nodiscard]] File* file(int number) const noexcept;
  /// Takes a number for what `make` gives, which is a negative errno or 0 and a description. Gives the
  /// number, or the error.
  template <typename Make>
  [[nodiscard]] int open(const Make& make) noexcept;
  [[nodiscard]] int open_file(const std::shared_ptr<File>& file, int status_flags) noexcept;
  [[nodiscard]] int open_two(const std::shared_ptr<File>& first, int first_flags,
                             const std::shared_ptr<File>& second, int second_flags,
                             int (&numbers)[2]) noexcept;
  void close_all() noexcept;
  template <typename Call>
  [[nodiscard]] int call_socket(int number, const Call& call) const noexcept;

  std::uint64_t seed_;
  NetworkConditions conditions_;
  Chance chance_;
  Trace trace_;
  Refusals* refusals_ = nullptr;
  std::unique_ptr<Environment> environment_;
  base::IntrusiveList<Job> jobs_;
  /// By number, from the first simulated one on; those of other worlds are empty here.
  mutable std::vector<Entry> entries_;
  std::size_t open_ = 0;
};

}  // namespace tidegate::kernel::sim
