// A server for the time of a block: the counterpart of asyncio's `async with server`.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/detail/task_promise.hpp>
#include <tidegate/server.hpp>
#include <tidegate/task.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidegate {

namespace detail {

template <typename T, typename Body>
Task<T> run_with_server(Server server, Body body) {
  std::exception_ptr failure;
  std::optional<Stored<T>> result;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body();
    } else {
      result.emplace(co_await body());
    }
  } catch (...) {
    failure = std::current_exception();
  }
  server.close();
  co_await server.wait_closed();
  if (failure != nullptr) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace detail

/// Awaits what `body()` returns, a Task, then closes the server and waits for the end of its last connection,
/// however the body ended (contract C1). Returns what the body returned, or throws what it threw.
///
/// Lifetime: `body` is kept until then.
template <typename Body>
[[nodiscard]] auto with_server(Server server, Body&& body)
    -> Task<typename std::invoke_result_t<std::decay_t<Body>&>::ResultType> {
  detail::check_awaited_callable<Body>();
  return detail::run_with_server<typename std::invoke_result_t<std::decay_t<Body>&>::ResultType,
                                 std::decay_t<Body>>(std::move(server), std::forward<Body>(body));
}

}  // namespace tidegate
