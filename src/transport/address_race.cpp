// Connecting to the first of several addresses: see address_race.hpp.
#include "transport/address_race.hpp"

#include <tidegate/future.hpp>
#include <tidegate/timeout.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace tidegate::transport {

namespace {

/// What the attempts of one race share.
struct Race {
  RaceTerms terms;
  Future<void> changed;  // done when an attempt has ended; made anew for each wait
  std::optional<Connected> winner;
  std::vector<std::error_code> failures;  // by the place of the address; for one that never said: interrupted
  std::size_t running = 0;
};

Socket socket_for(kernel::Backend& backend, const Endpoint& endpoint,
                  const std::vector<Endpoint>& local_endpoints) {
  Socket socket = backend.make_socket(endpoint.family(), net::SocketType::stream);
  if (local_endpoints.empty()) return socket;
  const auto local =
      std::find_if(local_endpoints.begin(), local_endpoints.end(),
                   [&](const Endpoint& candidate) { return candidate.family() == endpoint.family(); });
  if (local == local_endpoints.end()) {
    throw OsError(std::make_error_code(std::errc::address_family_not_supported),
                  "no local address of the family of " + endpoint.to_string());
  }
  socket.bind(*local);
  return socket;
}

/// One runner fewer, however its attempt ends; whoever waits for the race looks again.
class RunnerCount {
 public:
  explicit RunnerCount(Race& race) noexcept : race_(race) {}
  RunnerCount(const RunnerCount&) = delete;
  RunnerCount& operator=(const RunnerCount&) = delete;
  ~RunnerCount() {
    --race_.running;
    if (race_.changed && !race_.changed.done()) race_.changed.set_result();
  }

 private:
  Race& race_;
};

/// One address; the outcome goes into the race.
Task<void> attempt(loop::LoopCore& core, std::shared_ptr<Race> race, std::size_t place) {
  const RunnerCount count(*race);
  const Endpoint& endpoint = race->terms.endpoints[place];
  std::error_code code;
  try {
    ConnectAttempt connecting(core, socket_for(core.backend(), endpoint, race->terms.local_endpoints),
                              endpoint);
    auto waiting = connecting.wait();
    code = co_await waiting;
    if (!code && !race->winner) race->winner = Connected{connecting.take(), endpoint};
  } catch (const OsError& error) {
    code = error.code();
  } catch (const std::bad_alloc&) {
    code = std::make_error_code(std::errc::not_enough_memory);
  }
  race->failures[place] = code;
}

/// Cancels what is still running when the race is over, however it ends.
class Attempts {
 public:
  Attempts() = default;
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;
  ~Attempts() {
    for (TaskHandle<void>& task : tasks_) task.cancel();
  }
  void add(TaskHandle<void> task) { tasks_.push_back(std::move(task)); }

 private:
  std::vector<TaskHandle<void>> tasks_;
};

/// Waits for a change, but not longer than the stagger where another address could be tried then.
Task<void> wait_for_change(loop::LoopCore& core, std::shared_ptr<Race> race, bool more_to_try) {
  race->changed = core.loop().create_future<void>();
  if (!more_to_try || !race->terms.stagger) {
    co_await race->changed;
    co_return;
  }
  try {
    auto bounded = wait_for(race->changed, *race->terms.stagger);
    co_await std::move(bounded);
  } catch (const TimeoutError&) {
    // The latest attempt is slow, not lost: it runs on beside the next.
  }
}

[[noreturn]] void throw_all_failed(const Race& race) {
  std::vector<FailedAttempt> attempts;
  for (std::size_t place = 0; place < race.failures.size(); ++place) {
    attempts.push_back({race.terms.endpoints[place], race.failures[place]});
  }
  throw ConnectError(race.terms.target, std::move(attempts));
}

Task<Connected> run_race(loop::LoopCore& core, std::shared_ptr<Race> race) {
  Attempts attempts;
  const std::size_t count = race->terms.endpoints.size();
  for (std::size_t next = 0;;) {
    // Every turn of this loop has a reason to try another: the start, a failure, or the stagger. Failures
    // while others still run bring the next one forward, too.
    if (next < count) {
      ++race->running;
      auto task = attempt(core, race, next++);
      attempts.add(core.loop().create_task(std::move(task)));
    }
    do {
      co_await wait_for_change(core, race, next < count);
    } while (!race->winner && next == count && race->running > 0);
    if (race->winner) co_return std::move(*race->winner);
    if (next == count && race->running == 0) throw_all_failed(*race);
  }
}

}  // namespace

Task<Connected> connect_to_first(loop::LoopCore& core, RaceTerms terms) {
  auto race = std::make_shared<Race>();
  race->failures.resize(terms.endpoints.size(), std::make_error_code(std::errc::interrupted));
  race->terms = std::move(terms);
  return run_race(core, std::move(race));
}

}  // namespace tidegate::transport
