// The typed end of a future: where its result is stored. Not for users.
#pragma once

#include <tidegate/detail/future_core.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace tidegate::detail {

/// What stands for a result of type T where an object is needed.
template <typename T>
using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Whether a T can be copied. The standard's own answer is wrong for containers of what can't be: they say
/// yes, and do not compile.
template <typename T>
inline constexpr bool kCopyable = std::is_copy_constructible_v<T>;
template <typename T>
requires requires { typename T::value_type; }
inline constexpr bool kCopyable<T> =
    std::is_copy_constructible_v<T> && kCopyable<std::remove_const_t<typename T::value_type>>;
template <typename First, typename Second>
inline constexpr bool kCopyable<std::pair<First, Second>> =
    kCopyable<std::remove_const_t<First>>&& kCopyable<std::remove_const_t<Second>>;
template <typename... Parts>
inline constexpr bool kCopyable<std::tuple<Parts...>> = (kCopyable<std::remove_const_t<Parts>> && ...);
template <typename... Parts>
inline constexpr bool kCopyable<std::variant<Parts...>> = (kCopyable<std::remove_const_t<Parts>> && ...);

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

/// The result of a finished future for somebody who holds a share of it and gives that up: moved where nobody
/// else could tell or where it can't be copied, else copied.
template <typename T>
[[nodiscard]] Stored<T> take_result(const FutureCore& future) {
  Stored<T>& result = *result_of<T>(future);
  if constexpr (kCopyable<Stored<T>>) {
    if (future.is_shared()) return result;
  }
  return std::move(result);
}

}  // namespace tidegate::detail
