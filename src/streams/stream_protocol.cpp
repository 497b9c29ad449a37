// The protocol that makes a stream of a connection: see stream_protocol.hpp.
#include "streams/stream_protocol.hpp"

#include <tidegate/tls.hpp>

#include <new>
#include <utility>

namespace tidegate::detail {

namespace {

/// What all handles of a stream share: its end is theirs.
class OpenStream {
 public:
  OpenStream(std::shared_ptr<StreamProtocol> opened, const StreamOutput& output) noexcept
      : protocol(std::move(opened)), output_(output) {}
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;
  ~OpenStream() {
    const TransportRef& transport = output_.transport();
    // Where the loop is closing, it ends its transports itself, and says which were open.
    if (!transport->is_closing() && !transport->loop().is_closed()) transport->close();
  }

  const std::shared_ptr<StreamProtocol> protocol;

 private:
  const StreamOutput& output_;  // Lifetime: in protocol
};

}  // namespace

StreamPair StreamProtocol::open(std::shared_ptr<StreamProtocol> protocol) {
  StreamProtocol& stream = *protocol;
  std::shared_ptr<OpenStream> opened;
  try {
    opened = std::make_shared<OpenStream>(std::move(protocol), stream.output_);
  } catch (const std::bad_alloc&) {
    stream.output_.transport()->abort();  // nobody has it who could end it
    throw;
  }
  return {StreamReader(std::shared_ptr<StreamInput>(opened, &stream.input_)),
          StreamWriter(std::shared_ptr<StreamOutput>(opened, &stream.output_))};
}

void StreamProtocol::connection_made(TransportRef transport) {
  input_.attach(transport);
  output_.attach(transport);
  const auto client_connected = std::move(client_connected_);
  if (client_connected == nullptr) return;
  StreamPair stream = open(std::static_pointer_cast<StreamProtocol>(transport->get_protocol()));
  (*client_connected)(std::move(stream.reader), std::move(stream.writer));
}

bool StreamProtocol::eof_received() {
  input_.feed_eof();
  // Who has read everything may still have something to say. TLS can't stay open one way (R3).
  return !output_.transport()->get_extra_info("sslcontext").has_value();
}

void StreamProtocol::connection_lost(const Error& reason) {
  const std::exception_ptr exception = reason.exception();
  if (reason.code() == TlsErrc::truncated) {
    input_.feed_cut(exception);
  } else if (exception != nullptr) {
    input_.fail(exception);
  } else {
    input_.feed_eof();
  }
  input_.detach();
  output_.lost(exception);
}

}  // namespace tidegate::detail
