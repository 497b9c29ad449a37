// Sees OpenSSL make a connection: see ssl_witness.hpp.
#include "ssl_witness.hpp"

#include <utility>

#ifdef TIDEGATE_HAS_TLS
#include <openssl/bio.h>
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
    if (witness_here == nullptr) return;
    witness_here->last_ = static_cast<SSL*>(ssl);
    ++witness_here->count_;
  }

  /// Never undone: the module is never unloaded. Where there is no memory for it, nothing is seen.
  static bool are_registered() noexcept {
    static const bool registered = SSL_get_ex_new_index(0, nullptr, ssl_is_made, nullptr, nullptr) >= 0;
    return registered;
  }
};

SslWitness::SslWitness() noexcept : before_(witness_here) {
  if (Calls::are_registered()) witness_here = this;
}

SslWitness::~SslWitness() { witness_here = before_; }

ssl_st* SslWitness::connection() const noexcept {
  if (count_ != 1) return nullptr;
  BIO* const reads_from = SSL_get_rbio(last_);
  return reads_from != nullptr && BIO_method_type(reads_from) == BIO_TYPE_MEM ? last_ : nullptr;
}

#else

SslWitness::SslWitness() noexcept : before_(nullptr) {}
SslWitness::~SslWitness() = default;
ssl_st* SslWitness::connection() const noexcept { return nullptr; }

#endif

}  // namespace tidegate::python
