// See tls.hpp.
#include "tls.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

namespace load {

// --- what OpenSSL calls ------------------------------------------------------------------------------------

/// One BIO for each stream: OpenSSL takes from what is lent, and puts to what has to be sent.
struct TlsCallbacks {
  static TlsStream& stream_of(BIO* bio) noexcept { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int take(BIO* bio, char* memory, std::size_t size, std::size_t* count) {
    std::span<const unsigned char>& input = stream_of(bio).input_;
    BIO_clear_retry_flags(bio);
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *count = std::min(size, input.size());
    std::copy_n(input.begin(), *count, memory);
    input = input.subspan(*count);
    return 1;
  }

  static int put(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
    std::vector<unsigned char>& output = stream_of(bio).output_;
    BIO_clear_retry_flags(bio);
    output.insert(output.end(), bytes, bytes + size);
    *count = size;
    return 1;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  /// Returns whether we keep it.
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    static_cast<TlsStream*>(SSL_get_app_data(ssl))->session_.reset(session);
    return 1;
  }

  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spans");
    if (method == nullptr || BIO_meth_set_read_ex(method, take) != 1 ||
        BIO_meth_set_write_ex(method, put) != 1 || BIO_meth_set_ctrl(method, control) != 1) {
      throw std::bad_alloc();
    }
    return method;
  }
};

namespace {

[[noreturn]] void fail(const std::string& what) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  throw std::runtime_error(what + ": " + (reason != nullptr ? reason : "OpenSSL refuses"));
}

void require(long succeeded, const std::string& what) {
  if (succeeded != 1) fail(what);
}

}  // namespace

// --- TlsContext --------------------------------------------------------------------------------------------

TlsContext::TlsContext(const std::string& trusted_file) : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) fail("TLS");
  SSL_CTX* context = context_.get();
  require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), "TLS 1.3");
  require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"), "AES-128-GCM");
  require(SSL_CTX_set1_groups_list(context, "X25519"), "X25519");
  require(SSL_CTX_load_verify_locations(context, trusted_file.c_str(), nullptr), trusted_file);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, TlsCallbacks::keep_session);
}

// --- TlsStream ---------------------------------------------------------------------------------------------

TlsStream::TlsStream(const TlsContext& context, TlsSession session)
    : ssl_(SSL_new(context.get())), was_given_session_(session != nullptr) {
  static BIO_METHOD* const method = TlsCallbacks::make_method();
  BIO* bio = BIO_new(method);
  if (!ssl_ || bio == nullptr) fail("TLS");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_connect_state(ssl_.get());
  if (session) require(SSL_set_session(ssl_.get(), session.get()), "resuming a session");
  go_on_with_handshake();
}

TlsStream::~TlsStream() = default;

bool TlsStream::is_ready() const noexcept { return SSL_is_init_finished(ssl_.get()) == 1; }

bool TlsStream::has_resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

void TlsStream::go_on_with_handshake() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) fail("TLS handshake");
}

void TlsStream::encrypt(std::span<const unsigned char> plaintext) {
  std::size_t count = 0;
  require(SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &count), "TLS");
}

void TlsStream::say_goodbye() noexcept {
  // What it returns is whether the other side has said it, too. If it fails, the connection ends without.
  static_cast<void>(SSL_shutdown(ssl_.get()));
  ERR_clear_error();
}

std::size_t TlsStream::decrypt(std::span<const unsigned char> ciphertext,
                               std::span<unsigned char> plaintext) {
  input_ = ciphertext;
  if (!is_ready()) go_on_with_handshake();
  std::size_t total = 0;
  while (is_ready()) {
    const std::span<unsigned char> room = plaintext.subspan(total);
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
    total += count;
    if (result == 1) continue;
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) break;
    fail("TLS, from the server");
  }
  if (!input_.empty()) throw std::logic_error("TLS took less than it was lent");
  return total;
}

void TlsStream::drop_output(std::size_t bytes) noexcept {
  output_first_ += bytes;
  if (output_first_ < output_.size()) return;
  output_.clear();
  output_first_ = 0;
}

}  // namespace load
