// The members of Loop that are templates: they wrap what has types and hand the rest to members that have
// none. Not for users.
#pragma once

#include <tidegate/detail/executor_call.hpp>
#include <tidegate/detail/task_promise.hpp>
#include <tidegate/loop.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate {

namespace detail {

/// Throws InvalidStateError where a loop can't be run: closed, running, or another runs on this thread.
void check_runnable(const Loop& loop);

/// Cancels the tasks that are left on a loop, runs them to their end, and tells the exception handler of
/// those that fail.
void finish_remaining_tasks(Loop& loop) noexcept;

/// A factory without its type; refuses at compile time what GCC 12 would destroy twice.
template <typename Factory>
[[nodiscard]] ProtocolFactory checked_factory(Factory&& factory) {
  check_awaited_callable<Factory>();
  return protocol_factory(std::forward<Factory>(factory));
}

/// GCC 12 destroys temporaries twice inside of co_await where they own something.
static_assert(std::is_trivially_destructible_v<ServerOptions> &&
              std::is_trivially_destructible_v<UnixServerOptions> &&
              std::is_trivially_destructible_v<ConnectOptions> &&
              std::is_trivially_destructible_v<SecureConnectOptions> &&
              std::is_trivially_destructible_v<SecureAcceptOptions> &&
              std::is_trivially_destructible_v<StartTlsOptions> &&
              std::is_trivially_destructible_v<SendfileOptions> &&
              std::is_trivially_destructible_v<DatagramOptions>);

}  // namespace detail

// --- running -----------------------------------------------------------------------------------------------

template <typename T>
T Loop::run_until_complete(Task<T> task) {
  detail::check_runnable(*this);  // before anything is started
  return run_until_complete(Future<T>(create_task(std::move(task))));
}

template <typename T>
T Loop::run_until_complete(Future<T> future) {
  detail::check_runnable(*this);
  run_until_done(*future.core());
  return std::move(future).result();
}

template <typename T>
T run(Task<T> task, const LoopOptions& options) {
  std::unique_ptr<Loop> made;
  try {
    made = std::make_unique<Loop>(options);
  } catch (...) {
    detail::destroy_silently(std::move(task).release());  // that it never ran is not the news
    throw;
  }
  Loop& loop = *made;
  // Ends what is left also where the main task fails; closing then waits for the executor's threads.
  struct Finish {
    Loop& loop;
    ~Finish() { detail::finish_remaining_tasks(loop); }
  };
  const Finish finish{loop};
  return loop.run_until_complete(std::move(task));
}

// --- futures, tasks, threads -------------------------------------------------------------------------------

template <typename T>
Future<T> Loop::create_future() {
  return Future<T>(Ref<detail::FutureCore>(new detail::FutureState<T>(*this)));
}

template <typename T>
TaskHandle<T> Loop::create_task(Task<T> task) {
  detail::check_thread(*this);
  Ref<detail::TaskState<T>> state(new detail::TaskState<T>(*this, task.startable()));
  static_cast<void>(std::move(task).release());
  state->begin();
  return TaskHandle<T>(std::move(state));
}

template <typename Function>
auto Loop::run_in_executor(Function&& function) -> Future<std::invoke_result_t<std::decay_t<Function>&>> {
  using Kept = std::decay_t<Function>;
  using T = std::invoke_result_t<Kept&>;
  detail::check_awaited_callable<Function>();
  detail::check_thread(*this);
  const Ref<detail::ExecutorFuture<T>> future(new detail::ExecutorFuture<T>(*this));
  const auto call =
      std::make_shared<detail::TypedExecutorCall<Kept, T>>(*this, *future, std::forward<Function>(function));
  execute([call] { call->perform(); });
  call->admit();
  future->belongs_to(call);
  return Future<T>(future);
}

// --- servers and connections -------------------------------------------------------------------------------

template <detail::MakesProtocol Factory>
Task<Server> Loop::create_server(Factory&& factory, std::string_view host, Port port,
                                 const ServerOptions& options) {
  std::vector<std::string> hosts;
  hosts.emplace_back(host);
  return start_server(detail::checked_factory(std::forward<Factory>(factory)), std::move(hosts), port,
                      options);
}

template <detail::MakesProtocol Factory>
Task<Server> Loop::create_server(Factory&& factory, const std::vector<std::string>& hosts, Port port,
                                 const ServerOptions& options) {
  return start_server(detail::checked_factory(std::forward<Factory>(factory)), hosts, port, options);
}

template <detail::MakesProtocol Factory>
Task<Server> Loop::create_server(Factory&& factory, Socket socket, const ServerOptions& options) {
  return start_server(detail::checked_factory(std::forward<Factory>(factory)), std::move(socket), options);
}

template <detail::MakesProtocol Factory>
Task<Server> Loop::create_unix_server(Factory&& factory, std::string_view path,
                                      const UnixServerOptions& options) {
  return start_unix_server(detail::checked_factory(std::forward<Factory>(factory)), path, options);
}

template <detail::MakesProtocol Factory>
auto Loop::create_connection(Factory&& factory, std::string_view host, Port port,
                             const ConnectOptions& options)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect(detail::checked_factory(std::forward<Factory>(factory)), host, port, options));
}

template <detail::MakesProtocol Factory>
auto Loop::create_connection(Factory&& factory, Socket socket, const SecureConnectOptions& options)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_over(detail::checked_factory(std::forward<Factory>(factory)), std::move(socket), options));
}

template <detail::MakesProtocol Factory>
auto Loop::create_unix_connection(Factory&& factory, std::string_view path,
                                  const SecureConnectOptions& options)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_unix(detail::checked_factory(std::forward<Factory>(factory)), path, options));
}

template <detail::MakesProtocol Factory>
auto Loop::connect_accepted_socket(Factory&& factory, Socket socket, const SecureAcceptOptions& options)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      accept_over(detail::checked_factory(std::forward<Factory>(factory)), std::move(socket), options));
}

// --- datagrams ---------------------------------------------------------------------------------------------

template <detail::MakesDatagramProtocol Factory>
auto Loop::create_datagram_endpoint(Factory&& factory, const DatagramOptions& options)
    -> Task<DatagramEndpoint<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      open_datagrams(detail::checked_factory(std::forward<Factory>(factory)), options));
}

template <detail::MakesDatagramProtocol Factory>
auto Loop::create_datagram_endpoint(Factory&& factory, Socket socket)
    -> Task<DatagramEndpoint<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      adopt_datagrams(detail::checked_factory(std::forward<Factory>(factory)), std::move(socket)));
}

// --- pipes -------------------------------------------------------------------------------------------------

template <detail::MakesProtocol Factory>
auto Loop::connect_read_pipe(Factory&& factory, OwnedFileDescriptor&& descriptor)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_pipe(detail::checked_factory(std::forward<Factory>(factory)), descriptor, true));
}

template <detail::MakesProtocol Factory>
auto Loop::connect_read_pipe(Factory&& factory, FileDescriptor descriptor)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_pipe(detail::checked_factory(std::forward<Factory>(factory)), descriptor, true));
}

template <detail::MakesProtocol Factory>
auto Loop::connect_write_pipe(Factory&& factory, OwnedFileDescriptor&& descriptor)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_pipe(detail::checked_factory(std::forward<Factory>(factory)), descriptor, false));
}

template <detail::MakesProtocol Factory>
auto Loop::connect_write_pipe(Factory&& factory, FileDescriptor descriptor)
    -> Task<Connection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      connect_pipe(detail::checked_factory(std::forward<Factory>(factory)), descriptor, false));
}

// --- subprocesses ------------------------------------------------------------------------------------------

template <detail::MakesSubprocessProtocol Factory>
auto Loop::subprocess_exec(Factory&& factory, std::string_view program,
                           const std::vector<std::string>& arguments, const SubprocessOptions& options)
    -> Task<SubprocessConnection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      start_subprocess(detail::checked_factory(std::forward<Factory>(factory)), program, arguments, options));
}

template <detail::MakesSubprocessProtocol Factory>
auto Loop::subprocess_shell(Factory&& factory, std::string_view command, const SubprocessOptions& options)
    -> Task<SubprocessConnection<detail::MadeProtocol<Factory>>> {
  return detail::typed<detail::MadeProtocol<Factory>>(
      start_subprocess(detail::checked_factory(std::forward<Factory>(factory)), "/bin/sh",
                       {"-c", std::string(command)}, options));
}

}  // namespace tidegate
