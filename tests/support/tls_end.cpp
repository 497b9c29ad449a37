// OpenSSL over two memory BIOs: see tls_end.hpp.
#include "support/tls_end.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace tidegate::testing {

namespace {

constexpr const char* kForgeableCiphersuite = "TLS_AES_128_GCM_SHA256";

BioHandle bio_of(const std::string& text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

CertificateHandle next_certificate(BIO* pem) {
  CertificateHandle certificate(PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
  if (certificate == nullptr) ERR_clear_error();  // the end of the text is one
  return certificate;
}

void use_certificate(SSL_CTX* context, const Certificate& certificate) {
  const BioHandle chain = bio_of(certificate.certificate_pem);
  const CertificateHandle leaf = next_certificate(chain.get());
  require_openssl(SSL_CTX_use_certificate(context, leaf.get()) == 1, "SSL_CTX_use_certificate");
  while (const CertificateHandle above = next_certificate(chain.get())) {
    require_openssl(SSL_CTX_add1_chain_cert(context, above.get()) == 1, "SSL_CTX_add1_chain_cert");
  }
  std::string password = certificate.password;
  const BioHandle key_text = bio_of(certificate.key_pem);
  const KeyHandle key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, password.data()));
  require_openssl(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "SSL_CTX_use_PrivateKey");
}

void trust(SSL_CTX* context, const std::string& pem) {
  const BioHandle text = bio_of(pem.empty() ? trusted_authority().certificate_pem() : pem);
  while (const CertificateHandle certificate = next_certificate(text.get())) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
  }
}

/// Names with their lengths in front, as ALPN has them.
std::string alpn_wire_of(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire.push_back(static_cast<char>(protocol.size()));
    wire += protocol;
  }
  return wire;
}

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                unsigned offered_size, void* own) {
  const auto& wire = *static_cast<const std::string*>(own);
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, chosen_size, bytes_of(wire),
                                            static_cast<unsigned>(wire.size()), offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

TlsEnd& end_of(const SSL* ssl) { return *static_cast<TlsEnd*>(SSL_get_app_data(ssl)); }

std::string from_hexadecimal(std::string_view digits) {
  std::string bytes;
  for (; digits.size() >= 2; digits.remove_prefix(2)) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(0, 2)), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

ContextHandle TlsEnd::make_context(const TlsEndOptions& options, std::string& alpn) {
  const bool is_server = options.role == TlsRole::server;
  ContextHandle context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  require_openssl(context != nullptr, "SSL_CTX_new");
  SSL_CTX_set_min_proto_version(context.get(), options.minimum_version);
  SSL_CTX_set_max_proto_version(context.get(), options.maximum_version);
  SSL_CTX_set_security_level(context.get(), 0);  // old versions included
  SSL_CTX_set_options(context.get(), SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  require_openssl(SSL_CTX_set_ciphersuites(context.get(), kForgeableCiphersuite) == 1, "ciphersuites");
  if (!options.ciphers.empty()) {
    require_openssl(SSL_CTX_set_cipher_list(context.get(), options.ciphers.c_str()) == 1, "ciphers");
  }
  SSL_CTX_set_num_tickets(context.get(), options.session_tickets);
  if (options.fragment_bytes > 0) {
    const auto fragment_bytes = static_cast<long>(options.fragment_bytes);
    require_openssl(SSL_CTX_ctrl(context.get(), SSL_CTRL_SET_MAX_SEND_FRAGMENT, fragment_bytes, nullptr) == 1,
                    "SSL_CTX_set_max_send_fragment");
  }
  if (options.certificate != nullptr) use_certificate(context.get(), *options.certificate);
  trust(context.get(), options.trusted_pem);
  const int insist = SSL_VERIFY_PEER | (is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
  SSL_CTX_set_verify(context.get(), options.verifies ? insist : SSL_VERIFY_NONE, nullptr);
  if (!alpn.empty() && is_server) SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, &alpn);
  if (!alpn.empty() && !is_server) {
    SSL_CTX_set_alpn_protos(context.get(), bytes_of(alpn), static_cast<unsigned>(alpn.size()));
  }
  SSL_CTX_set_info_callback(context.get(), [](const SSL* ssl, int where, int numbers) {
    if ((where & SSL_CB_ALERT) != 0) end_of(ssl).note_alert(where, numbers);
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0) ++end_of(ssl).handshakes_made_;
  });
  SSL_CTX_set_keylog_callback(context.get(),
                              [](const SSL* ssl, const char* line) { end_of(ssl).note_secret(line); });
  return context;
}

TlsEnd::TlsEnd(const TlsEndOptions& options)
    : role_(options.role),
      alpn_wire_(alpn_wire_of(options.alpn_protocols)),
      context_(make_context(options, alpn_wire_)),
      ssl_(SSL_new(context_.get())) {
  require_openssl(ssl_ != nullptr, "SSL_new");
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);  // empty is not the end
  if (role_ == TlsRole::server) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  if (!options.server_name.empty()) {
    // SSL_set_tlsext_host_name, whose macro casts in a way that we are warned of.
    std::string name = options.server_name;
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (options.verifies) SSL_set1_host(ssl_.get(), options.server_name.c_str());
  }
  note(SSL_do_handshake(ssl_.get()), "handshake");
}

void TlsEnd::note_alert(int where, int numbers) {
  auto& alerts = (where & SSL_CB_READ) != 0 ? alerts_received_ : alerts_sent_;
  alerts.push_back({static_cast<AlertLevel>(numbers >> 8), static_cast<AlertKind>(numbers & 0xFF)});
}

void TlsEnd::note_secret(const char* line) {
  const std::string_view text(line);
  const std::string_view own =
      role_ == TlsRole::client ? "CLIENT_TRAFFIC_SECRET_0 " : "SERVER_TRAFFIC_SECRET_0 ";
  if (text.starts_with(own)) traffic_secret_ = from_hexadecimal(text.substr(text.rfind(' ') + 1));
}

void TlsEnd::note(int outcome, const char* attempted) {
  if (outcome > 0) return;
  const int error = SSL_get_error(ssl_.get(), outcome);
  const bool is_ordinary =
      error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_ZERO_RETURN;
  const std::string words = openssl_error();  // forgets it as well: it must not be met by the next call
  if (!is_ordinary && failure_.empty()) failure_ = std::string(attempted) + ": " + words;
}

// --- as it should be -----------------------------------------------------------------------------

void TlsEnd::take(BytesView ciphertext) {
  if (ciphertext.empty()) return;
  const int taken =
      BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
  require_openssl(taken == static_cast<int>(ciphertext.size()), "BIO_write");
}

std::string TlsEnd::give() {
  BIO* output = SSL_get_wbio(ssl_.get());
  std::string ciphertext(BIO_ctrl_pending(output), '\0');
  if (!ciphertext.empty()) {
    const int given = BIO_read(output, ciphertext.data(), static_cast<int>(ciphertext.size()));
    require_openssl(given == static_cast<int>(ciphertext.size()), "BIO_read");
  }
  return ciphertext;
}

bool TlsEnd::handshake_is_over() const noexcept { return SSL_is_init_finished(ssl_.get()) == 1; }

std::size_t TlsEnd::read(std::string& plaintext, std::size_t limit_bytes) {
  if (!handshake_is_over() && failure_.empty()) note(SSL_do_handshake(ssl_.get()), "handshake");
  std::array<char, 16384> memory;
  std::size_t total = 0;
  while (total < limit_bytes && failure_.empty()) {
    const std::size_t room = std::min(memory.size(), limit_bytes - total);
    const int count = SSL_read(ssl_.get(), memory.data(), static_cast<int>(room));
    note(count, "read");
    if (count <= 0) break;
    plaintext.append(memory.data(), static_cast<std::size_t>(count));
    total += static_cast<std::size_t>(count);
  }
  return total;
}

void TlsEnd::write(BytesView plaintext) {
  if (plaintext.empty()) return;
  const int written = SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
  note(written, "write");
}

void TlsEnd::close() {
  if (!failure_.empty() || !handshake_is_over()) return;
  const int outcome = SSL_shutdown(ssl_.get());
  if (outcome < 0) note(outcome, "shutdown");
}

bool TlsEnd::saw_close_notify() const noexcept {
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 && failure_.empty();
}

std::string TlsEnd::selected_alpn_protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsEnd::requested_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

bool TlsEnd::peer_has_shown_a_certificate() const { return SSL_get0_peer_certificate(ssl_.get()) != nullptr; }

// --- as it should not be -------------------------------------------------------------------------

void TlsEnd::update_keys(bool requested) {
  const int kind = requested ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
  require_openssl(SSL_key_update(ssl_.get(), kind) == 1, "SSL_key_update");
  note(SSL_do_handshake(ssl_.get()), "KeyUpdate");
}

void TlsEnd::renegotiate() {
  require_openssl(SSL_renegotiate(ssl_.get()) == 1, "SSL_renegotiate");
  note(SSL_do_handshake(ssl_.get()), "renegotiation");
}

RecordSealer& TlsEnd::sealer() {
  if (sealer_ == nullptr) sealer_ = std::make_unique<RecordSealer>(traffic_secret_);
  return *sealer_;
}

std::string TlsEnd::forge(RecordType type, BytesView content, std::size_t padding_bytes) {
  return sealer().seal(type, content, padding_bytes);
}

OldRecordSealer TlsEnd::make_old_sealer() const {
  std::string secret(SSL_MAX_MASTER_KEY_LENGTH, '\0');
  std::string client(SSL3_RANDOM_SIZE, '\0');
  std::string server(SSL3_RANDOM_SIZE, '\0');
  const auto memory = [](std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); };
  secret.resize(SSL_SESSION_get_master_key(SSL_get0_session(ssl_.get()), memory(secret), secret.size()));
  SSL_get_client_random(ssl_.get(), memory(client), client.size());
  SSL_get_server_random(ssl_.get(), memory(server), server.size());
  const OldKeys keys = derive_old_keys(secret, client, server);
  // Its Finished was the first.
  return role_ == TlsRole::client ? OldRecordSealer(keys.client_key, keys.client_salt, 1)
                                  : OldRecordSealer(keys.server_key, keys.server_salt, 1);
}

std::string TlsEnd::forge_old(RecordType type, BytesView content) {
  if (old_sealer_ == nullptr) old_sealer_ = std::make_unique<OldRecordSealer>(make_old_sealer());
  return old_sealer_->seal(type, content);
}

std::string TlsEnd::forge_key_update(bool requested) {
  const std::string message = key_update_message(requested);
  std::string record = sealer().seal(RecordType::handshake, message);
  sealer().update_keys();
  return record;
}

}  // namespace tidegate::testing
