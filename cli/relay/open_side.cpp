// See open_side.hpp.
#include "relay/open_side.hpp"

#include <tidegate/loop.hpp>

#include "relay/datagram_side.hpp"
#include "relay/fifo.hpp"
#include "relay/file_mover.hpp"
#include "relay/pipe_side.hpp"
#include "relay/socket_side.hpp"
#include "relay/standard_streams.hpp"
#include "relay/tls_side.hpp"

#include <exception>
#include <utility>

#include <fcntl.h>

namespace tidegate::cli::relay {

namespace {

// --- sockets -----------------------------------------------------------------------------------------------

Task<> open_stream(std::shared_ptr<SocketSide> side, const Place& place) {
  Loop& loop = get_running_loop();
  const auto the_side = [side] { return side; };
  if (place.url.scheme == Url::Scheme::unix_domain) {
    co_await loop.create_unix_connection(the_side, place.url.path);
  } else {
    co_await loop.create_connection(the_side, place.url.host, place.url.port);
  }
}

Task<> adopt_stream(std::shared_ptr<SocketSide> side, Socket socket) {
  const auto the_side = [side] { return side; };
  co_await get_running_loop().connect_accepted_socket(the_side, std::move(socket));
}

Task<> open_secured(std::shared_ptr<TlsSide> side, const Place& place) {
  const auto the_side = [side] { return side; };
  const ConnectOptions how = place.security.connect_options();
  co_await get_running_loop().create_connection(the_side, place.url.host, place.url.port, how);
}

Task<> adopt_secured(std::shared_ptr<TlsSide> side, const Place& place, Socket socket) {
  const auto the_side = [side] { return side; };
  const SecureAcceptOptions how = place.security.accept_options();
  co_await get_running_loop().connect_accepted_socket(the_side, std::move(socket), how);
}

Task<> open_datagrams(std::shared_ptr<DatagramSide> side, const Place& place) {
  const auto the_side = [side] { return side; };
  const DatagramOptions to{.remote = {place.url.host, place.url.port}};
  co_await get_running_loop().create_datagram_endpoint(the_side, to);
}

// --- commands ----------------------------------------------------------------------------------------------

Task<> open_command(std::shared_ptr<ChildSide> side, const Place& place, bool leads_group) {
  const auto the_side = [side] { return side; };
  SubprocessOptions pipes{
      .standard_input = Stdio::pipe(), .standard_output = Stdio::pipe(), .standard_error = Stdio::inherit()};
  if (leads_group) pipes.process_group = 0;
  co_await get_running_loop().subprocess_shell(the_side, place.text, pipes);
}

// --- pipes -------------------------------------------------------------------------------------------------

Task<> open_fifo_to_read(std::shared_ptr<PipeSide> side, const Place& place) {
  OwnedFileDescriptor fifo = co_await open_fifo_for_reading(place.text);
  const auto input = [protocol = side->make_input()] { return protocol; };
  co_await get_running_loop().connect_read_pipe(input, std::move(fifo));
}

Task<> open_fifo_to_write(std::shared_ptr<PipeSide> side, const Place& place) {
  OwnedFileDescriptor fifo = co_await open_fifo_for_writing(place.text);
  const auto output = [protocol = side->make_output()] { return protocol; };
  co_await get_running_loop().connect_write_pipe(output, std::move(fifo));
}

Task<> open_standard_input(PipeSide& side) {
  Loop& loop = get_running_loop();
  if (can_be_waited_for(loop, kStandardInput)) {
    OwnedFileDescriptor anew = open_anew(kStandardInput, O_RDONLY);
    const auto input = [protocol = side.make_input()] { return protocol; };
    if (anew.valid()) {
      co_await loop.connect_read_pipe(input, std::move(anew));
    } else {
      co_await loop.connect_read_pipe(input, kStandardInput);
    }
  } else {
    PipedFile file = pipe_from_file(loop, kStandardInput);
    const auto input = [protocol = side.make_input(file.moved)] { return protocol; };
    co_await loop.connect_read_pipe(input, std::move(file.pipe));
  }
}

Task<> open_standard_output(PipeSide& side) {
  Loop& loop = get_running_loop();
  if (can_be_waited_for(loop, kStandardOutput)) {
    OwnedFileDescriptor anew = open_anew(kStandardOutput, O_WRONLY);
    const auto output = [protocol = side.make_output()] { return protocol; };
    if (anew.valid()) {
      co_await loop.connect_write_pipe(output, std::move(anew));
    } else {
      co_await loop.connect_write_pipe(output, kStandardOutput);
    }
  } else {
    PipedFile file = pipe_to_file(loop, kStandardOutput);
    const auto output = [protocol = side.make_output(file.moved)] { return protocol; };
    co_await loop.connect_write_pipe(output, std::move(file.pipe));
  }
}

Task<> open_standard_streams(std::shared_ptr<PipeSide> side) {
  co_await open_standard_input(*side);
  co_await open_standard_output(*side);
}

// --- all of them -------------------------------------------------------------------------------------------

/// Where that fails, or is cancelled, nothing of the side stays open.
Task<> open_or_abort(std::shared_ptr<Side> side, Task<> opening) {
  std::exception_ptr failure;
  try {
    co_await std::move(opening);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  side->abort();
  std::rethrow_exception(failure);
}

Task<OpenedSide> opened(std::shared_ptr<Side> side, Task<> opening) {
  co_await open_or_abort(side, std::move(opening));
  co_return OpenedSide{side, nullptr, {}};
}

Task<OpenedSide> opened_secured(std::shared_ptr<TlsSide> side, Task<> opening) {
  co_await open_or_abort(side, std::move(opening));
  co_return OpenedSide{side, nullptr, side->agreement()};
}

Task<OpenedSide> opened_command(std::shared_ptr<ChildSide> side, Task<> opening) {
  co_await open_or_abort(side, std::move(opening));
  co_return OpenedSide{side, side, {}};
}

std::shared_ptr<PipeSide> pipe_side(PairEnd pair_end, const Options& options, bool is_standard) {
  return std::make_shared<PipeSide>(get_running_loop(), std::move(pair_end), options.buffer_bytes,
                                    is_standard);
}

}  // namespace

Task<OpenedSide> open_side(const Place& place, PairEnd pair_end, const Options& options) {
  const auto buffer_bytes = options.buffer_bytes;
  switch (place.kind) {
    case Place::Kind::stream: {
      if (place.security) {
        auto side = std::make_shared<TlsSide>(std::move(pair_end), buffer_bytes, options.tls_timeout);
        return opened_secured(side, open_secured(side, place));
      }
      auto side = std::make_shared<SocketSide>(std::move(pair_end), buffer_bytes);
      return opened(side, open_stream(side, place));
    }
    case Place::Kind::datagrams: {
      auto side = std::make_shared<DatagramSide>(std::move(pair_end), buffer_bytes, options.udp_timeout);
      return opened(side, open_datagrams(side, place));
    }
    case Place::Kind::command: {
      const bool leads_group = commands_lead_groups();
      auto side = std::make_shared<ChildSide>(std::move(pair_end), buffer_bytes, leads_group);
      return opened_command(side, open_command(side, place, leads_group));
    }
    case Place::Kind::fifo: {
      const bool is_read = pair_end.end == End::from;
      auto side = pipe_side(std::move(pair_end), options, false);
      return opened(side, is_read ? open_fifo_to_read(side, place) : open_fifo_to_write(side, place));
    }
    case Place::Kind::standard:
      break;
  }
  auto side = pipe_side(std::move(pair_end), options, true);
  return opened(side, open_standard_streams(side));
}

Task<OpenedSide> adopt_side(const Place& place, Socket socket, PairEnd pair_end, const Options& options) {
  if (place.security) {
    auto side = std::make_shared<TlsSide>(std::move(pair_end), options.buffer_bytes, options.tls_timeout);
    return opened_secured(side, adopt_secured(side, place, std::move(socket)));
  }
  auto side = std::make_shared<SocketSide>(std::move(pair_end), options.buffer_bytes);
  return opened(side, adopt_stream(side, std::move(socket)));
}

}  // namespace tidegate::cli::relay
