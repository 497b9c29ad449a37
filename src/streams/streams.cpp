// Connections and servers whose protocols are streams: see streams.hpp.
#include <tidegate/streams.hpp>

#include "streams/stream_protocol.hpp"

#include <new>
#include <utility>

namespace tidegate {

namespace {

using detail::ClientHandler;
using detail::StreamProtocol;

auto protocol_maker(std::size_t limit) {
  // Made here rather than by the factory: a wrong limit is the caller's news, not that of an established
  // connection.
  return [protocol = std::make_shared<StreamProtocol>(limit, nullptr)] { return protocol; };
}

Task<StreamPair> opened(Task<Connection<StreamProtocol>> connecting) {
  auto connection = co_await std::move(connecting);
  co_return StreamProtocol::open(std::move(connection.protocol));
}

}  // namespace

namespace detail {

ProtocolFactory stream_factory(ClientHandler client_connected, std::size_t limit) {
  static_cast<void>(StreamInput(limit));  // throws for a limit that is none, before there is a server
  auto kept = std::make_shared<ClientHandler>(std::move(client_connected));
  return [kept = std::move(kept), limit]() -> std::shared_ptr<BaseProtocol> {
    return std::make_shared<StreamProtocol>(limit, kept);
  };
}

void start_client(const StreamWriter& writer, Task<> serving) {
  static_cast<void>(writer.transport()->loop().create_task(std::move(serving)));
}

void end_failed_client(const StreamWriter& writer, const std::exception_ptr& exception) noexcept {
  BaseTransport* const transport = writer.transport().get();
  ExceptionContext context{.message = {}, .exception = exception, .transport = transport};
  try {
    context.message = "Unhandled exception in client_connected_cb";
  } catch (const std::bad_alloc&) {
    // The exception says enough.
  }
  transport->loop().call_exception_handler(context);
  transport->close();
}

}  // namespace detail

Task<StreamPair> open_connection(std::string_view host, Port port, const ConnectOptions& options,
                                 std::size_t limit) {
  auto make_protocol = protocol_maker(limit);
  return opened(get_running_loop().create_connection(make_protocol, host, port, options));
}

Task<StreamPair> open_connection(Socket socket, const SecureConnectOptions& options, std::size_t limit) {
  auto make_protocol = protocol_maker(limit);
  return opened(get_running_loop().create_connection(make_protocol, std::move(socket), options));
}

Task<StreamPair> open_unix_connection(std::string_view path, const SecureConnectOptions& options,
                                      std::size_t limit) {
  auto make_protocol = protocol_maker(limit);
  return opened(get_running_loop().create_unix_connection(make_protocol, path, options));
}

}  // namespace tidegate
