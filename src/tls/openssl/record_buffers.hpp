// OpenSSL's memory for records: let go of after each one, as idle connections want it, or kept from record to
// record while there are many.
#pragma once

#include <cstddef>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// Gives back the buffers of `ssl`, unless a part of a record is in them. OpenSSL does that by itself behind
/// each record that it reads or writes in SSL_MODE_RELEASE_BUFFERS, but not at the end of a handshake, nor
/// when that mode is set. Where it is a version that would free what is in use (CVE-2024-4741): nothing.
void free_record_buffers(SSL* ssl) noexcept;

/// Of one SSL, which is in SSL_MODE_RELEASE_BUFFERS; of another it leaves everything as it is.
class RecordBuffers {
 public:
  /// So much is to be read. `ssl` keeps its buffers where that is much.
  void expect(SSL* ssl, std::size_t ciphertext_bytes) noexcept {
    if (ciphertext_bytes <= kManyRecordsBytes || are_kept_) return;
    if ((SSL_get_mode(ssl) & SSL_MODE_RELEASE_BUFFERS) == 0) return;
    are_kept_ = true;
    SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    // From 3.2 on only what sets a mode tells the record layer, and of all that are set.
    SSL_set_mode(ssl, 0);
  }

  /// It was read.
  void release(SSL* ssl) noexcept {
    if (!are_kept_) return;
    are_kept_ = false;
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    free_record_buffers(ssl);
  }

 private:
  /// To release them after each record costs a tenth of what it takes to decrypt one of 16 KiB.
  static constexpr std::size_t kManyRecordsBytes = std::size_t{32} * 1024;

  bool are_kept_ = false;
};

}  // namespace tidegate::tls
