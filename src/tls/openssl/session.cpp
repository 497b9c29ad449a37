#include "tls/openssl/session.hpp"

#include "net/printable.hpp"
#include "tls/openssl/openssl_errors.hpp"

#include <new>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace tidegate::tls {

namespace {

SessionHandle copy_of(const SSL_SESSION* session) {
  // Of a constant one, although OpenSSL 3.0 does not say so.
  SessionHandle copy(SSL_SESSION_dup(const_cast<SSL_SESSION*>(session)));
  if (copy == nullptr) throw std::bad_alloc();
  return copy;
}

}  // namespace

SessionCore::SessionCore(const SSL_SESSION* session, std::shared_ptr<const ContextCore> context,
                         std::string server_hostname)
    : session_(copy_of(session)),
      context_(std::move(context)),
      server_hostname_(std::move(server_hostname)) {}

void SessionCore::resume_on(SSL* ssl, const ContextCore& context, const std::string& server_hostname) const {
  if (&context != context_.get()) {
    throw std::invalid_argument("a TLS session can only be resumed with the context that it began with");
  }
  if (server_hostname != server_hostname_) {
    throw std::invalid_argument(fmt::format("a TLS session with '{}' can't be resumed with '{}'",
                                            net::printable(server_hostname_),
                                            net::printable(server_hostname)));
  }
  const SessionHandle copy = copy_of(session_.get());
  if (SSL_set_session(ssl, copy.get()) != 1) throw_openssl_error(TlsErrc::internal, "resume a TLS session");
}

}  // namespace tidegate::tls
