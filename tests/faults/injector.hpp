// Which faults of the table there are on a backend, and having them happen. Knows no flows.
//
// Who is asked whether a call fails differs: the calls on the kernels of this machine are intercepted in
// interposed_calls.cpp, the requests in interposed_ring.cpp; a simulated kernel asks by itself, in
// simulated_refusals.cpp. Each asks for the same verdict (strike.hpp).
#pragma once

#include <tidegate/loop.hpp>

#include "faults/fault_table.hpp"

#include <string>
#include <vector>

namespace tidegate::faults {

/// The faults that happen to loops of one backend.
class Injector {
 public:
  /// `where`: what of the table is about it.
  Injector(BackendKind backend, std::vector<Where> where);

  [[nodiscard]] BackendKind backend() const noexcept { return backend_; }
  /// For test reports: "epoll".
  [[nodiscard]] std::string name() const;
  /// Why there are no loops of it here; empty where there are.
  [[nodiscard]] std::string obstacle() const;
  /// Whether such a call is made on it.
  [[nodiscard]] bool concerns(const FaultRow& row) const noexcept;
  /// Whether there is anything to fail in that operation.
  [[nodiscard]] bool concerns(Operation operation) const noexcept;
  /// The `occurrence`-th call of that kind from now on fails with `error`.
  static void arm(const FaultRow& row, int error, unsigned occurrence) noexcept;

 private:
  BackendKind backend_;
  std::vector<Where> where_;
};

/// Those that this build has.
[[nodiscard]] const std::vector<const Injector*>& injectors();
/// Their backends.
[[nodiscard]] std::vector<BackendKind> backends();

}  // namespace tidegate::faults
