// The typed end of a future: where its result is stored. Not for users.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <tidegate/detail/future_core.hpp>

namespace tidegate::detail {

/// What stands for a result of type T where an object is needed.
template <typename T>
using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A future that somebody completes with a T.
template <typename T>
class FutureState : public FutureCore {
 public:
  explicit FutureState(Loop& loop) : FutureCore(loop, &result_, Kind::future) {}

 private:
  std::optional<Stored<T>> result_;
};

template <typename T>
[[nodiscard]] std::optional<Stored<T>>& result_of(const FutureCore& future) noexcept {
  return *static_cast<std::optional<Stored<T>>*>(future.result_slot());
}

template <typename T, typename... Arguments>
void store_result(FutureCore& future, Arguments&&... arguments) {
  result_of<T>(future).emplace(std::forward<Arguments>(arguments)...);
}

/// The result of a finished future for somebody who holds a share of it and gives that up: moved where nobody else could tell
/// or where it can't be copied, else copied.
template <typename T>
[[nodiscard]] Stored<T> take_result(const FutureCore& future) {
  Stored<T>& result = *result_of<T>(future);
  if constexpr (std::is_copy_constructible_v<Stored<T>>) {
    if (future.is_shared()) return result;
  }
  return std::move(result);
}

}  // namespace tidegate::detail
