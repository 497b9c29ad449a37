// How a backend's kernel is made to answer with an error: one strategy for each. Knows no flows.
#pragma once

#include <tidegate/loop.hpp>

#include "faults/fault_table.hpp"

#include <string>

namespace tidegate::faults {

/// Makes the faults of the table happen to loops of one backend.
class Injector {
 public:
  Injector() = default;
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;

  [[nodiscard]] virtual BackendKind backend() const noexcept = 0;
  /// For test reports: "epoll".
  [[nodiscard]] virtual std::string name() const = 0;
  /// Why there are no loops of it here; empty where there are.
  [[nodiscard]] virtual std::string obstacle() const = 0;
  /// Whether such a call is made on it.
  [[nodiscard]] virtual bool concerns(const FaultRow& row) const noexcept = 0;
  /// The `occurrence`-th call of that kind from now on fails with `error`.
  virtual void arm(const FaultRow& row, int error, unsigned occurrence) const = 0;

 protected:
  ~Injector() = default;
};

/// Those that this build has.
[[nodiscard]] const std::vector<const Injector*>& injectors();

}  // namespace tidegate::faults
