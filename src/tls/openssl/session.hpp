// What a client needs to resume a session, and with whom it may.
#pragma once

#include "tls/openssl/handles.hpp"

#include <memory>
#include <string>

namespace tidegate::tls {

class ContextCore;

/// Never changes: OpenSSL's object is copied on the way in and out, because connections mark theirs when
/// they fail.
class SessionCore {
 public:
  /// A copy of `session`, which `context` has had with `server_hostname`. Throws std::bad_alloc.
  SessionCore(const SSL_SESSION* session, std::shared_ptr<const ContextCore> context,
              std::string server_hostname);

  /// Has `ssl` ask for it. A session stands for the verification that began it, so it is only for the same
  /// context and the same server: throws std::invalid_argument otherwise.
  void resume_on(SSL* ssl, const ContextCore& context, const std::string& server_hostname) const;

 private:
  SessionHandle session_;
  std::shared_ptr<const ContextCore> context_;
  std::string server_hostname_;
};

}  // namespace tidegate::tls
