#include "tls/openssl/channel_binding.hpp"

#include "tls/openssl/openssl_errors.hpp"

#include <string_view>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace tidegate::tls {

namespace {

unsigned char* bytes_of(std::vector<std::byte>& bytes) noexcept {
  return reinterpret_cast<unsigned char*>(bytes.data());  // NOLINT: bytes are characters there
}

/// SHA-256 in place of hashes that are broken (RFC 5929); null for no hash.
const EVP_MD* hash_for(const X509* certificate) noexcept {
  int hash = NID_undef;
  // Not X509_get_signature_nid: RSA-PSS names its hash elsewhere.
  if (X509_get_signature_info(const_cast<X509*>(certificate), &hash, nullptr, nullptr, nullptr) != 1) {
    return nullptr;
  }
  if (hash == NID_md5 || hash == NID_sha1) return EVP_sha256();
  return EVP_get_digestbynid(hash);
}

}  // namespace

std::vector<std::byte> exported_binding(SSL* ssl) {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  constexpr std::size_t kSize = 32;
  constexpr int kWithContext = 1;  // an empty one: TLS 1.2 tells that from none
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return {};

  std::vector<std::byte> binding(kSize);
  if (SSL_export_keying_material(ssl, bytes_of(binding), binding.size(), kLabel.data(), kLabel.size(),
                                 nullptr, 0, kWithContext) != 1) {
    forget_errors();
    return {};
  }
  return binding;
}

std::vector<std::byte> server_end_point(const X509* server_certificate) {
  const EVP_MD* hash = server_certificate != nullptr ? hash_for(server_certificate) : nullptr;
  std::vector<std::byte> binding(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (hash == nullptr || X509_digest(server_certificate, hash, bytes_of(binding), &size) != 1) {
    forget_errors();
    return {};
  }
  binding.resize(size);
  return binding;
}

}  // namespace tidegate::tls
