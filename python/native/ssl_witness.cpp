// Sees OpenSSL make a connection: see ssl_witness.hpp.
#include "ssl_witness.hpp"

#ifdef TIDEGATE_HAS_TLS
#include <openssl/ssl.h>
#endif

namespace tidegate::python {

#ifdef TIDEGATE_HAS_TLS

namespace {

thread_local SslWitness* witness_here = nullptr;

}  // namespace

struct SslWitness::Calls {
  /// What OpenSSL calls for every SSL of the process.
  static void ssl_is_made(void* ssl, void* /*value*/, CRYPTO_EX_DATA* /*values*/, int /*index*/,
                          long /*number*/, void* /*pointer*/) noexcept {
    if (witness_here != nullptr) witness_here->last_ = static_cast<SSL*>(ssl);
  }

  static void ssl_is_freed(void* ssl, void* /*value*/, CRYPTO_EX_DATA* /*values*/, int /*index*/,
                           long /*number*/, void* /*pointer*/) noexcept {
    for (SslWitness* witness = witness_here; witness != nullptr; witness = witness->before_) {
      if (witness->last_ == ssl) witness->last_ = nullptr;
    }
  }

  /// Never undone: the module is never unloaded. Where there is no memory for it, nothing is seen.
  static bool are_registered() noexcept {
    static const bool registered = SSL_get_ex_new_index(0, nullptr, ssl_is_made, nullptr, ssl_is_freed) >= 0;
    return registered;
  }
};

SslWitness::SslWitness() noexcept : before_(witness_here) {
  if (Calls::are_registered()) witness_here = this;
}

SslWitness::~SslWitness() { witness_here = before_; }

ssl_st* SslWitness::connection_of(const void* object) const noexcept {
  return last_ != nullptr && SSL_get_app_data(last_) == object ? last_ : nullptr;
}

#else

SslWitness::SslWitness() noexcept : before_(nullptr) {}
SslWitness::~SslWitness() = default;
ssl_st* SslWitness::connection_of(const void* /*object*/) const noexcept { return nullptr; }

#endif

}  // namespace tidegate::python
