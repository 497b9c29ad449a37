// Streams: connections that are read and written by coroutines, instead of calling a protocol. They are made
// of the public parts alone: a stream is one more protocol.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/server.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/stream_reader.hpp>
#include <tidegate/stream_writer.hpp>
#include <tidegate/task.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate {

/// Both halves of a stream: auto [reader, writer] = co_await open_connection(...).
struct StreamPair {
  StreamReader reader;
  StreamWriter writer;
};

namespace detail {

/// Is given each connection of a server.
using ClientHandler = UniqueFunction<void(StreamReader, StreamWriter)>;

/// Makes the protocols of a server's streams. Throws std::invalid_argument for a limit of 0.
[[nodiscard]] ProtocolFactory stream_factory(ClientHandler client_connected, std::size_t limit);

/// Tells the exception handler what a client's coroutine threw, and closes its connection.
void end_failed_client(const StreamWriter& writer, const std::exception_ptr& exception) noexcept;

/// Starts a client's coroutine as a task of its own.
void start_client(const StreamWriter& writer, Task<> serving);

/// Keeps the callable for as long as its coroutine, whose captures lie in it: the server may have gone by
/// then.
template <typename Callback>
Task<> serve_client(std::shared_ptr<Callback> client_connected, StreamReader reader, StreamWriter writer) {
  try {
    auto serving = (*client_connected)(reader, writer);
    co_await std::move(serving);
  } catch (const CancelledError&) {
    throw;
  } catch (...) {
    end_failed_client(writer, std::current_exception());
  }
}

template <typename Callback>
using ClientResult = std::invoke_result_t<std::decay_t<Callback>&, StreamReader&, StreamWriter&>;

template <typename Result>
inline constexpr bool kIsTask = false;
template <typename T>
inline constexpr bool kIsTask<Task<T>> = true;

/// A coroutine function or a plain one, of a StreamReader and a StreamWriter, by value or by reference.
template <typename Callback>
concept ServesClients = std::is_void_v<ClientResult<Callback>> || kIsTask<ClientResult<Callback>>;

template <typename Callback>
[[nodiscard]] ClientHandler client_handler(Callback&& client_connected) {
  check_awaited_callable<Callback>();
  auto kept = std::make_shared<std::decay_t<Callback>>(std::forward<Callback>(client_connected));
  return [kept = std::move(kept)](StreamReader reader, StreamWriter writer) {
    if constexpr (std::is_void_v<ClientResult<Callback>>) {
      (*kept)(reader, writer);
    } else {
      start_client(writer, serve_client(kept, std::move(reader), writer));
    }
  };
}

}  // namespace detail

// --- connecting --------------------------------------------------------------------------------------------

/// Connects as `Loop::create_connection`, on the running loop, with the same options and errors. `limit`: how
/// long a line may be; at most twice as much is held. Throws std::invalid_argument for 0.
[[nodiscard]] Task<StreamPair> open_connection(std::string_view host, Port port,
                                               const ConnectOptions& options = {},
                                               std::size_t limit = kDefaultStreamLimit);

/// As above, over a stream socket that is connected already.
[[nodiscard]] Task<StreamPair> open_connection(Socket socket, const SecureConnectOptions& options = {},
                                               std::size_t limit = kDefaultStreamLimit);

/// As above, to a Unix socket: `Loop::create_unix_connection`.
[[nodiscard]] Task<StreamPair> open_unix_connection(std::string_view path,
                                                    const SecureConnectOptions& options = {},
                                                    std::size_t limit = kDefaultStreamLimit);

// --- serving -----------------------------------------------------------------------------------------------

/// Listens as `Loop::create_server`, on the running loop, with the same options and errors; calls
/// `client_connected(reader, writer)` for each connection. Where that is a coroutine function, it runs as a
/// task of its own; what it throws is told to the exception handler ("Unhandled exception in
/// client_connected_cb"), and the connection is closed. The connection is closed also when the last handle of
/// it goes, as it does when the function returns without having kept one. `limit` as in `open_connection`.
///
///     Task<> serve(StreamReader reader, StreamWriter writer) { ... }
///     auto server = co_await start_server(serve, "127.0.0.1", 8888);
///
/// Lifetime: `client_connected`, a lambda's captures included, as long as the server and the last coroutine
/// that came of it.
template <detail::ServesClients Callback>
[[nodiscard]] Task<Server> start_server(Callback&& client_connected, std::string_view host, Port port,
                                        const ServerOptions& options = {},
                                        std::size_t limit = kDefaultStreamLimit) {
  return get_running_loop().create_server(
      detail::stream_factory(detail::client_handler(std::forward<Callback>(client_connected)), limit), host,
      port, options);
}

/// As above, for several hosts.
template <detail::ServesClients Callback>
[[nodiscard]] Task<Server> start_server(Callback&& client_connected, const std::vector<std::string>& hosts,
                                        Port port, const ServerOptions& options = {},
                                        std::size_t limit = kDefaultStreamLimit) {
  return get_running_loop().create_server(
      detail::stream_factory(detail::client_handler(std::forward<Callback>(client_connected)), limit), hosts,
      port, options);
}

/// As above, on a stream socket that is bound already.
template <detail::ServesClients Callback>
[[nodiscard]] Task<Server> start_server(Callback&& client_connected, Socket socket,
                                        const ServerOptions& options = {},
                                        std::size_t limit = kDefaultStreamLimit) {
  return get_running_loop().create_server(
      detail::stream_factory(detail::client_handler(std::forward<Callback>(client_connected)), limit),
      std::move(socket), options);
}

/// As above, on a Unix socket: `Loop::create_unix_server`.
template <detail::ServesClients Callback>
[[nodiscard]] Task<Server> start_unix_server(Callback&& client_connected, std::string_view path,
                                             const UnixServerOptions& options = {},
                                             std::size_t limit = kDefaultStreamLimit) {
  return get_running_loop().create_unix_server(
      detail::stream_factory(detail::client_handler(std::forward<Callback>(client_connected)), limit), path,
      options);
}

}  // namespace tidegate
