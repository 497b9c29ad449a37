// Something that is done when a block is left, in whatever way.
#pragma once

#include <utility>

namespace tidegate::base {

template <typename Function>
class ScopeExit {
 public:
  /// `function` must not throw.
  explicit ScopeExit(Function function) : function_(std::move(function)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ~ScopeExit() { function_(); }

 private:
  Function function_;
};

}  // namespace tidegate::base
