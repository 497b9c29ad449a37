// RFC 8446, sections 5 and 7.3, and RFC 5288: see tls_records.hpp.
#include "support/tls_records.hpp"

#include "support/openssl_handles.hpp"

#include <array>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace tidegate::testing {

namespace {

using KdfHandle = std::unique_ptr<EVP_KDF, FreedBy<EVP_KDF_free>>;
using KdfWorkHandle = std::unique_ptr<EVP_KDF_CTX, FreedBy<EVP_KDF_CTX_free>>;

constexpr std::size_t kSecretBytes = 32;  // SHA-256
constexpr std::size_t kKeyBytes = 16;     // AES-128
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void append_number(std::string& text, std::size_t number, int size_bytes) {
  for (int shift = (size_bytes - 1) * 8; shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(static_cast<unsigned char>(number >> static_cast<unsigned>(shift))));
  }
}

std::string header(RecordType type, std::size_t size_bytes) {
  std::string text;
  append_number(text, static_cast<std::size_t>(type), 1);
  append_number(text, 0x0303, 2);
  append_number(text, size_bytes, 2);
  return text;
}

/// HKDF-Expand-Label of RFC 8446, 7.1, with an empty context.
std::string expand_label(std::string secret, const std::string& label, std::size_t size_bytes) {
  std::string information;
  append_number(information, size_bytes, 2);
  const std::string full_label = "tls13 " + label;
  append_number(information, full_label.size(), 1);
  information += full_label;
  append_number(information, 0, 1);

  const KdfHandle kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfWorkHandle work(EVP_KDF_CTX_new(kdf.get()));
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string digest = "SHA256";
  const std::array parameters{
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, information.data(), information.size()),
      OSSL_PARAM_construct_end()};
  std::string derived(size_bytes, '\0');
  require_openssl(EVP_KDF_derive(work.get(), bytes_of(derived), derived.size(), parameters.data()) == 1,
                  "EVP_KDF_derive");
  return derived;
}

/// AES-128-GCM: `plaintext` encrypted, and the tag, which covers `visible` as well.
std::string encrypt(std::string key, std::string nonce, std::string visible, std::string plaintext) {
  const CipherHandle work(EVP_CIPHER_CTX_new());
  std::string sealed(plaintext.size(), '\0');
  std::string tag(kTagBytes, '\0');
  int size = 0;
  const bool worked =
      EVP_EncryptInit_ex(work.get(), EVP_aes_128_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_EncryptUpdate(work.get(), nullptr, &size, bytes_of(visible), static_cast<int>(visible.size())) ==
          1 &&
      EVP_EncryptUpdate(work.get(), bytes_of(sealed), &size, bytes_of(plaintext),
                        static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(work.get(), bytes_of(tag), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(work.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1;
  require_openssl(worked, "AES-128-GCM");
  return sealed + tag;
}

}  // namespace

std::string alert(AlertLevel level, AlertKind kind) {
  return {static_cast<char>(level), static_cast<char>(kind)};
}

std::string plain_record(RecordType type, BytesView content) {
  return header(type, content.size()) + std::string(content.text());
}

std::string key_update_message(bool requested) {
  constexpr char kKeyUpdate = 24;
  return {kKeyUpdate, 0, 0, 1, static_cast<char>(requested ? 1 : 0)};
}

RecordSealer::RecordSealer(const std::string& traffic_secret) : secret_(traffic_secret) {
  if (secret_.size() != kSecretBytes) throw std::runtime_error("no traffic secret of TLS_AES_128_GCM_SHA256");
  derive_keys();
}

void RecordSealer::derive_keys() {
  key_ = expand_label(secret_, "key", kKeyBytes);
  nonce_base_ = expand_label(secret_, "iv", kNonceBytes);
  sequence_number_ = 0;
}

void RecordSealer::update_keys() {
  secret_ = expand_label(secret_, "traffic upd", kSecretBytes);
  derive_keys();
}

std::string RecordSealer::seal(RecordType type, BytesView content, std::size_t padding_bytes) {
  std::string inner(content.text());
  inner.push_back(static_cast<char>(type));
  inner.append(padding_bytes, '\0');
  std::string record = header(RecordType::application_data, inner.size() + kTagBytes);

  std::string nonce = nonce_base_;
  for (unsigned place = 0; place < sizeof sequence_number_; ++place) {
    const auto byte = static_cast<unsigned char>(sequence_number_ >> (8 * place));
    bytes_of(nonce)[kNonceBytes - 1 - place] ^= byte;
  }
  ++sequence_number_;

  return record + encrypt(key_, nonce, record, inner);
}

// --- TLS 1.2 -------------------------------------------------------------------------------------

OldKeys derive_old_keys(const std::string& master_secret, const std::string& client_random,
                        const std::string& server_random) {
  constexpr std::size_t kSaltBytes = 4;
  const KdfHandle kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr));
  const KdfWorkHandle work(EVP_KDF_CTX_new(kdf.get()));
  std::string digest = "SHA256";
  std::string secret = master_secret;
  std::string seed = "key expansion" + server_random + client_random;
  const std::array parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret.data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
      OSSL_PARAM_construct_end()};
  std::string block(2 * (kKeyBytes + kSaltBytes), '\0');
  require_openssl(EVP_KDF_derive(work.get(), bytes_of(block), block.size(), parameters.data()) == 1,
                  "EVP_KDF_derive");
  return {.client_key = block.substr(0, kKeyBytes),
          .server_key = block.substr(kKeyBytes, kKeyBytes),
          .client_salt = block.substr(2 * kKeyBytes, kSaltBytes),
          .server_salt = block.substr(2 * kKeyBytes + kSaltBytes)};
}

std::string OldRecordSealer::seal(RecordType type, BytesView content) {
  std::string number;
  append_number(number, sequence_number_++, sizeof sequence_number_);
  // What follows the salt may be anything that does not come again, such as the number.
  const std::string sealed =
      encrypt(key_, salt_ + number, number + header(type, content.size()), std::string(content.text()));
  return header(type, number.size() + sealed.size()) + number + sealed;
}

}  // namespace tidegate::testing
