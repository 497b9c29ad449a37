// What is about which backend: see injector.hpp.
#include "faults/injector.hpp"

#include "contract/ground.hpp"
#include "faults/strike.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::faults {

Injector::Injector(BackendKind backend, std::vector<Where> where)
    : backend_(backend), where_(std::move(where)) {}

std::string Injector::name() const { return contract::to_string(backend_); }

std::string Injector::obstacle() const { return contract::obstacle_to(backend_); }

bool Injector::concerns(const FaultRow& row) const noexcept {
  return std::find(where_.begin(), where_.end(), row.where) != where_.end();
}

bool Injector::concerns(Operation operation) const noexcept {
  const auto is_about_it = [&](const FaultRow& row) { return row.operation == operation && concerns(row); };
  return std::any_of(fault_table().begin(), fault_table().end(), is_about_it);
}

void Injector::arm(const FaultRow& row, int error, unsigned occurrence) noexcept {
  faults::arm(row.call, error, occurrence);
}

const std::vector<const Injector*>& injectors() {
  using enum Where;
  static const Injector on_epoll(BackendKind::epoll, {everywhere, of_the_system, by_readiness, epoll});
  static const Injector on_io_uring(BackendKind::io_uring, {everywhere, of_the_system, io_uring});
  static const Injector on_simulated(BackendKind::simulated, {everywhere, by_readiness});
  static const std::vector<const Injector*> all{&on_epoll, &on_io_uring, &on_simulated};
  return all;
}

std::vector<BackendKind> backends() {
  std::vector<BackendKind> all;
  for (const Injector* injector : injectors()) all.push_back(injector->backend());
  return all;
}

}  // namespace tidegate::faults
