// The public face of a world: see <tidegate/simulated_network.hpp>.
#include <tidegate/error.hpp>
#include <tidegate/simulated_network.hpp>

#include "kernel/sim/conditions.hpp"
#include "kernel/sim/world.hpp"
#include "net/socket_address.hpp"

#include <stdexcept>
#include <system_error>

#include <sys/socket.h>

namespace tidegate {

namespace {

int checked(int result, const char* attempted) {
  if (result < 0) throw OsError({-result, std::system_category()}, attempted);
  return result;
}

OwnedFileDescriptor owned(int number) noexcept { return OwnedFileDescriptor(FileDescriptor{number}); }

const NetworkConditions& valid(const NetworkConditions& conditions) {
  kernel::sim::check(conditions);
  return conditions;
}

}  // namespace

SimulatedNetwork::SimulatedNetwork(std::uint64_t seed, const NetworkConditions& conditions)
    : world_(std::make_unique<kernel::sim::World>(seed, valid(conditions))) {}

SimulatedNetwork::~SimulatedNetwork() = default;

std::uint64_t SimulatedNetwork::seed() const noexcept { return world_->seed(); }

const NetworkConditions& SimulatedNetwork::conditions() const noexcept { return world_->conditions(); }

void SimulatedNetwork::set_conditions(const NetworkConditions& conditions) {
  world_->set_conditions(valid(conditions));
}

TimePoint SimulatedNetwork::now() const noexcept { return world_->now(); }

void SimulatedNetwork::add_host(std::string_view name, std::string_view address) {
  if (name.empty())
    throw std::invalid_argument("the name of a host is empty; expected one, as \"db.example\"");
  world_->add_host(name, address);
}

void SimulatedNetwork::cut(std::string_view address) { world_->cut(address); }

void SimulatedNetwork::mend(std::string_view address) { world_->mend(address); }

void SimulatedNetwork::reset_connections(std::string_view address) { world_->reset_connections(address); }

Socket SimulatedNetwork::stream(AddressFamily family) {
  const int number = world_->socket(net::to_native(family), SOCK_STREAM);
  return Socket(owned(checked(number, "make a simulated stream socket")));
}

Socket SimulatedNetwork::datagram(AddressFamily family) {
  const int number = world_->socket(net::to_native(family), SOCK_DGRAM);
  return Socket(owned(checked(number, "make a simulated datagram socket")));
}

std::pair<Socket, Socket> SimulatedNetwork::socket_pair() {
  int numbers[2] = {-1, -1};
  checked(world_->socket_pair(SOCK_STREAM, numbers), "make a simulated socket pair");
  return {Socket(owned(numbers[0])), Socket(owned(numbers[1]))};
}

std::pair<OwnedFileDescriptor, OwnedFileDescriptor> SimulatedNetwork::pipe() {
  int numbers[2] = {-1, -1};
  checked(world_->pipe(numbers), "make a simulated pipe");
  return {owned(numbers[0]), owned(numbers[1])};
}

std::uint64_t SimulatedNetwork::trace_hash() const noexcept { return world_->trace().hash(); }

std::string SimulatedNetwork::trace() const { return world_->trace().text(); }

std::size_t SimulatedNetwork::open_descriptors() const noexcept { return world_->open_descriptors(); }

}  // namespace tidegate
