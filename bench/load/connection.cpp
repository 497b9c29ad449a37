// See connection.hpp.
#include "connection.hpp"

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>

namespace load {

namespace {

/// Of one receive, so that what is decrypted has room in what the caller gives.
constexpr std::size_t kCiphertextBytes = kReceiveBytes - TlsStream::kRecordBytes;

/// One for all connections: none has anything in it between two calls.
std::span<unsigned char> ciphertext_memory() {
  static std::vector<unsigned char> memory(kCiphertextBytes);
  return memory;
}

void wait_until_readable(int descriptor) {
  pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
}

}  // namespace

// --- Connection --------------------------------------------------------------------------------------------

Connection::Connection(Socket socket, std::unique_ptr<TlsStream> tls) noexcept
    : socket_(std::move(socket)), tls_(std::move(tls)) {}

std::size_t Connection::send(std::span<const unsigned char> bytes) {
  if (!tls_) {
    const std::size_t count = socket_.send(bytes);
    is_blocked_ = count < bytes.size();
    return count;
  }
  flush();
  if (is_blocked_ || bytes.empty() || !tls_->is_ready()) return 0;
  tls_->encrypt(bytes);
  flush();
  return bytes.size();
}

std::size_t Connection::receive(std::span<unsigned char> memory) {
  if (!tls_) return socket_.receive(memory);
  const std::span<unsigned char> ciphertext = ciphertext_memory();
  const std::size_t count = tls_->decrypt(ciphertext.first(socket_.receive(ciphertext)), memory);
  flush();  // what a handshake has to say
  return count;
}

void Connection::flush() {
  if (!tls_->output().empty()) tls_->drop_output(socket_.send(tls_->output()));
  is_blocked_ = !tls_->output().empty();
}

void Connection::close() noexcept {
  if (tls_ && tls_->is_ready() && !is_blocked_) {
    tls_->say_goodbye();
    try {
      flush();
    } catch (const std::system_error&) {
      // The server has gone already: nobody is there to be told.
    }
  }
  socket_.close();
}

// --- Connector ---------------------------------------------------------------------------------------------

Connector::Connector(const Arguments& arguments) : address_(arguments.address) {
  if (arguments.trusted_file) tls_.emplace(*arguments.trusted_file);
}

std::unique_ptr<TlsStream> Connector::make_tls(TlsSession session) const {
  return tls_ ? std::make_unique<TlsStream>(*tls_, std::move(session)) : nullptr;
}

Connection Connector::connect() const {
  Connection connection(Socket::connect(address_), make_tls(nullptr));
  std::vector<unsigned char> memory(connection.is_ready() ? 0 : kReceiveBytes);
  while (!connection.is_ready()) {
    static_cast<void>(connection.send({}));  // what the handshake has to say
    wait_until_readable(connection.number());
    if (connection.receive(memory) > 0) throw std::runtime_error("the server spoke first");
  }
  return connection;
}

Connection Connector::start_connecting(std::uint8_t source, TlsSession session) const {
  return Connection(Socket::start_connecting(address_, source), make_tls(std::move(session)));
}

}  // namespace load
