// The strategies for the kernels of this machine: see injector.hpp. The calls are intercepted in
// interposed_calls.cpp, the requests in interposed_ring.cpp.
#include "faults/injector.hpp"

#include "contract/ground.hpp"
#include "faults/strike.hpp"

namespace tidegate::faults {

namespace {

/// Faults that are made between the library and the system.
class SystemInjector final : public Injector {
 public:
  SystemInjector(BackendKind backend, Where not_on_it) noexcept : backend_(backend), not_on_it_(not_on_it) {}

  [[nodiscard]] BackendKind backend() const noexcept override { return backend_; }
  [[nodiscard]] std::string name() const override { return contract::to_string(backend_); }
  [[nodiscard]] std::string obstacle() const override { return contract::obstacle_to(backend_); }
  [[nodiscard]] bool concerns(const FaultRow& row) const noexcept override { return row.where != not_on_it_; }
  void arm(const FaultRow& row, int error, unsigned occurrence) const override {
    faults::arm(row.call, error, occurrence);
  }

 private:
  BackendKind backend_;
  Where not_on_it_;
};

}  // namespace

const std::vector<const Injector*>& injectors() {
  static const SystemInjector epoll(BackendKind::epoll, Where::io_uring);
  static const SystemInjector io_uring(BackendKind::io_uring, Where::epoll);
  static const std::vector<const Injector*> all{&epoll, &io_uring};
  return all;
}

}  // namespace tidegate::faults
