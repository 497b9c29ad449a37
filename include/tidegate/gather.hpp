// Waiting for several things at once. Knows their types; detail/gather_core.hpp does the waiting.
#pragma once

#include <tidegate/detail/gather_core.hpp>
#include <tidegate/detail/waiting.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/task.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tidegate {

/// How one of several things ended: with a value, or with an exception (CancelledError included).
template <typename T = void>
class Outcome {
 public:
  using value_type = detail::Stored<T>;

  /// For the library's own parts. REQUIRES: done.
  explicit Outcome(const detail::FutureCore& future, std::exception_ptr exception)
      : exception_(std::move(exception)) {
    if constexpr (!std::is_void_v<T>) {
      if (exception_ == nullptr) value_.emplace(detail::take_result<T>(future));
    }
  }

  [[nodiscard]] bool has_value() const noexcept { return exception_ == nullptr; }
  /// Throws the exception where there is one.
  std::add_lvalue_reference_t<const T> value() const& {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<T>) return *value_;
  }
  /// As above; moves the value out.
  T value() && {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }
  /// Null where there is a value.
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

 private:
  std::optional<detail::Stored<T>> value_;
  std::exception_ptr exception_;
};

namespace detail {

/// The results of futures that all have one, by position.
template <typename T>
[[nodiscard]] Stored<T> gathered(FutureCore& future) {
  future.mark_retrieved();
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return take_result<T>(future);
  }
}

template <typename T>
[[nodiscard]] Outcome<T> settled(FutureCore& future) {
  std::exception_ptr exception = future.failure();
  return Outcome<T>(future, std::move(exception));
}

template <typename Result, typename Collect>
[[nodiscard]] Future<Result> start_gather(Loop& loop, std::vector<Ref<FutureCore>> children,
                                          OnFailure on_failure, Collect collect) {
  const Ref<Gather<Result, Collect>> gather(
      new Gather<Result, Collect>(loop, std::move(children), on_failure, std::move(collect)));
  gather->watch();
  return Future<Result>(gather);
}

template <typename Waited>
[[nodiscard]] std::vector<Ref<FutureCore>> start_all(Loop& loop, std::vector<Waited> several) {
  std::vector<Ref<FutureCore>> children;
  children.reserve(several.size());
  for (Waited& waited : several) children.push_back(ensure_future(loop, std::move(waited)).core());
  return children;
}

template <typename Waited>
[[nodiscard]] Loop& common_loop(const std::vector<Waited>& several) {
  return several.empty() ? get_running_loop() : common_loop(several.front());
}

}  // namespace detail

/// Waits for all of `waited` - Tasks, which are started as tasks of their own, Futures, TaskHandles - and
/// gives their results in that order; std::monostate stands for void. The first that fails, or is cancelled,
/// fails the whole at once with the same exception; the others run on, unheard. Cancelling the whole, or the
/// task that awaits it, cancels all of them. Results are moved where nobody else holds the future or where
/// they can't be copied.
///
/// The tasks start also where the result is not awaited. Throws InvalidStateError where there is neither a
/// future nor a running loop.
template <detail::Awaitable... Waited>
[[nodiscard]] auto gather(Waited... waited) {
  using Result = std::tuple<detail::Stored<typename Waited::ResultType>...>;
  Loop& loop = detail::common_loop(waited...);
  std::vector<Ref<detail::FutureCore>> children{detail::ensure_future(loop, std::move(waited)).core()...};
  return detail::start_gather<Result>(
      loop, std::move(children), detail::OnFailure::propagate,
      [](std::vector<Ref<detail::FutureCore>>& done) {
        return [&done]<std::size_t... I>(std::index_sequence<I...>) {
          return Result{detail::gathered<typename Waited::ResultType>(*done[I])...};
        }
        (std::index_sequence_for<Waited...>());
      });
}

/// As above, for any number of a kind: a std::vector of the results, or nothing for void.
template <detail::Awaitable Waited>
[[nodiscard]] auto gather(std::vector<Waited> waited) {
  using T = typename Waited::ResultType;
  using Result = std::conditional_t<std::is_void_v<T>, void, std::vector<detail::Stored<T>>>;
  Loop& loop = detail::common_loop(waited);
  auto children = detail::start_all(loop, std::move(waited));
  return detail::start_gather<Result>(loop, std::move(children), detail::OnFailure::propagate,
                                      [](std::vector<Ref<detail::FutureCore>>& done) {
                                        std::vector<detail::Stored<T>> results;
                                        results.reserve(done.size());
                                        for (auto& future : done)
                                          results.push_back(detail::gathered<T>(*future));
                                        return results;
                                      });
}

/// As `gather`, but waits for all to end and gives the Outcome of each: asyncio's `return_exceptions=True`.
/// Cancelling the whole cancels all of them and then throws CancelledError.
template <detail::Awaitable... Waited>
[[nodiscard]] auto gather_settled(Waited... waited) {
  using Result = std::tuple<Outcome<typename Waited::ResultType>...>;
  Loop& loop = detail::common_loop(waited...);
  std::vector<Ref<detail::FutureCore>> children{detail::ensure_future(loop, std::move(waited)).core()...};
  return detail::start_gather<Result>(
      loop, std::move(children), detail::OnFailure::collect, [](std::vector<Ref<detail::FutureCore>>& done) {
        return [&done]<std::size_t... I>(std::index_sequence<I...>) {
          return Result{detail::settled<typename Waited::ResultType>(*done[I])...};
        }
        (std::index_sequence_for<Waited...>());
      });
}

/// As above, for any number of a kind.
template <detail::Awaitable Waited>
[[nodiscard]] auto gather_settled(std::vector<Waited> waited) {
  using T = typename Waited::ResultType;
  Loop& loop = detail::common_loop(waited);
  auto children = detail::start_all(loop, std::move(waited));
  return detail::start_gather<std::vector<Outcome<T>>>(loop, std::move(children), detail::OnFailure::collect,
                                                       [](std::vector<Ref<detail::FutureCore>>& done) {
                                                         std::vector<Outcome<T>> outcomes;
                                                         outcomes.reserve(done.size());
                                                         for (auto& future : done) {
                                                           outcomes.push_back(detail::settled<T>(*future));
                                                         }
                                                         return outcomes;
                                                       });
}

}  // namespace tidegate
