#include "tls/openssl/record_buffers.hpp"

#include <openssl/crypto.h>

namespace tidegate::tls {

namespace {

/// Of the library that is there, whatever we were built with. A distributor may have mended an older one:
/// then it does what the others do, and only keeps memory for longer.
bool is_mended(unsigned long version) noexcept {
  const unsigned long major = version >> 28U;
  const unsigned long minor = (version >> 20U) & 0xFFU;
  const unsigned long patch = (version >> 4U) & 0xFFU;
  if (major != 3) return major > 3;
  switch (minor) {
    case 0:
      return patch >= 14;
    case 1:
      return patch >= 6;
    case 2:
      return patch >= 2;
    case 3:
      return patch >= 1;
    default:
      return true;
  }
}

}  // namespace

void free_record_buffers(SSL* ssl) noexcept {
  static const bool mended = is_mended(OpenSSL_version_num());
  if (mended) SSL_free_buffers(ssl);
}

}  // namespace tidegate::tls
