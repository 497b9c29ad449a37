// The clock of a world and the places in it: see world.hpp. Its descriptors are in world_descriptors.cpp.
#include "kernel/sim/world.hpp"

#include "kernel/sim/connection.hpp"
#include "kernel/sim/environment.hpp"

#include <utility>

namespace tidegate::kernel::sim {

/// A call that was asked for by `at`; it owns itself, and goes when it has been made.
class World::Job final : public base::ListNode<Job> {
 public:
  Job(Environment& environment, std::function<void()> call)
      : environment_(environment),
        call_(std::move(call)),
        happening_(environment.events, this, &call_method<&Job::run, Job>) {}

  void set(TimePoint when) noexcept { happening_.set(when); }

 private:
  void run() {
    const std::unique_ptr<Job> self(this);
    unlink();
    environment_.note("a job is done", 0);
    call_();
  }

  Environment& environment_;
  std::function<void()> call_;
  Happening happening_;
};

World::World(std::uint64_t seed, const NetworkConditions& conditions)
    : seed_(seed),
      conditions_(conditions),
      chance_(seed),
      environment_(new Environment{.chance = chance_, .trace = trace_, .conditions = conditions_}) {}

World::~World() {
  while (Job* job = jobs_.pop_front()) delete job;  // they may own sockets
  close_all();
  while (Datagram* datagram = environment_->datagrams.pop_front()) delete datagram;
}

// --- time --------------------------------------------------------------------------------------------------

TimePoint World::now() const noexcept { return environment_->now(); }

std::optional<TimePoint> World::next_event() const noexcept { return environment_->events.next(); }

void World::advance(TimePoint until) { environment_->events.advance(until); }

void World::at(TimePoint when, std::function<void()> call) {
  auto job = std::make_unique<Job>(*environment_, std::move(call));
  job->set(when);
  jobs_.push_back(*job.release());
}

// --- faults ------------------------------------------------------------------------------------------------

int World::refusal_of(Call call) noexcept {
  const int error = refusals_ == nullptr ? 0 : refusals_->refusal_of(call);
  if (error != 0) environment_->note("a call is refused", 0, error);
  return -error;
}

// --- names and places --------------------------------------------------------------------------------------

void World::add_host(std::string_view name, std::string_view address) {
  environment_->addresses.add_host(name, address);
}

std::vector<Endpoint> World::addresses_of(std::string_view name) const {
  return environment_->addresses.addresses_of(name);
}

void World::cut(std::string_view address) {
  environment_->addresses.cut(octets_of(address));
  environment_->note("a cable is cut", 0);
}

void World::mend(std::string_view address) {
  const Octets octets = octets_of(address);
  environment_->addresses.mend(octets);
  environment_->note("a cable is mended", 0);
  for (Connection& connection : environment_->connections) {
    if (connection.has_end_at(octets)) connection.resume();
  }
}

void World::reset_connections(std::string_view address) {
  const Octets octets = octets_of(address);
  environment_->note("a machine restarts", 0);
  for (Connection& connection : environment_->connections) {
    if (connection.has_end_at(octets)) connection.break_off();
  }
}

// --- chance, and what is written down ----------------------------------------------------------------------

void World::set_conditions(const NetworkConditions& conditions) { conditions_ = conditions; }

}  // namespace tidegate::kernel::sim
