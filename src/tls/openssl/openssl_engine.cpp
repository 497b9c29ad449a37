#include "tls/openssl/openssl_engine.hpp"

#include "net/printable.hpp"
#include "tls/openssl/certificate_text.hpp"
#include "tls/openssl/channel_binding.hpp"
#include "tls/openssl/server_name.hpp"
#include "tls/openssl/session.hpp"

#include <cassert>
#include <new>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/tls1.h>

namespace tidegate::tls {

namespace {

/// What a TLS 1.2 connection says while it reads is that it does not renegotiate. A peer that goes on asking
/// all the same has nothing else in mind. (With TLS 1.3 it may be an answer to a change of keys, which has
/// its use: whoever makes many of them and does not read the answers is the transport's business.)
constexpr std::size_t kMostRefusals = 16;

}  // namespace

OpenSslEngine::OpenSslEngine(std::shared_ptr<const OpenSslContext> context, const EngineTerms& terms,
                             CiphertextSink& sink)
    : context_(std::move(context)), report_(terms.report), bio_(sink) {
  begin();
  if (context_->is_server()) {
    if (!context_->sni_callback()) return;
    name_question_ = NameQuestion::open;
    bio_.keep_input();
    return;
  }
  server_hostname_ = terms.server_hostname;
  if (!server_hostname_.empty()) set_server_name(ssl_.get(), server_hostname_, context_->checks_hostname());
  if (terms.session) terms.session.core()->resume_on(ssl_.get(), *context_, server_hostname_);
}

void OpenSslEngine::begin() {
  ssl_ = context_->make_ssl();
  SSL_set_app_data(ssl_.get(), this);
  bio_.attach_to(ssl_.get());
}

void OpenSslEngine::begin_call() noexcept {
  bio_.forget_running_dry();
  // `why_not` goes by the whole queue, in which others may have left some.
  forget_errors();
}

// --- ciphertext in -----------------------------------------------------------------------------------------

void OpenSslEngine::feed(BytesView ciphertext) noexcept {
  bio_.feed(ciphertext);
  buffers_.expect(ssl_.get(), ciphertext.size());
}

BytesView OpenSslEngine::take_rest() noexcept {
  buffers_.release(ssl_.get());
  return bio_.take_rest();
}

// --- the handshake -----------------------------------------------------------------------------------------

Engine::Outcome OpenSslEngine::handshake() {
  if (failure_ != nullptr) return Outcome::failed;
  if (handshake_is_over_) return Outcome::done;
  begin_call();
  while (SSL_do_handshake(ssl_.get()) != 1) {
    if (name_question_ != NameQuestion::put) return why_no_handshake();
    answer_name_question();
  }
  handshake_is_over_ = true;
  free_record_buffers(ssl_.get());
  return Outcome::done;
}

/// A close_notify is no end of a handshake.
Engine::Outcome OpenSslEngine::why_no_handshake() noexcept {
  const Outcome outcome = why_not();
  if (outcome != Outcome::closed) return outcome;
  return fail(TlsErrc::truncated, "the peer closed in the middle of the handshake");
}

/// OpenSSL stops here the first time, so that the program is asked outside of its frames.
int OpenSslEngine::client_hello_callback(SSL* ssl, int* alert, void* /*nothing*/) noexcept {
  auto& self = *static_cast<OpenSslEngine*>(SSL_get_app_data(ssl));
  if (self.name_question_ == NameQuestion::answered) return SSL_CLIENT_HELLO_SUCCESS;
  if (self.name_question_ == NameQuestion::refused) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  try {
    self.server_hostname_ = name_in_client_hello(ssl);
  } catch (const std::bad_alloc&) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  self.name_question_ = NameQuestion::put;
  return SSL_CLIENT_HELLO_RETRY;
}

void OpenSslEngine::answer_name_question() noexcept {
  try {
    const TlsContext chosen = context_->sni_callback()(server_hostname_);
    name_question_ = NameQuestion::answered;
    if (chosen && chosen.core() != context_) return start_over_with(chosen);
  } catch (...) {
    report("TlsOptions::sni_callback failed");
    name_question_ = NameQuestion::refused;
  }
  bio_.drop_kept_input();
}

/// From the first byte on: so the other context decides everything, from the version to the tickets, where
/// OpenSSL's own way of changing it (SSL_set_SSL_CTX) leaves half of that as it was.
void OpenSslEngine::start_over_with(const TlsContext& chosen) {
  auto context = std::dynamic_pointer_cast<const OpenSslContext>(chosen.core());
  if (context == nullptr || !context->is_server()) {
    throw std::invalid_argument("TlsOptions::sni_callback returned a context that is not for servers");
  }
  std::swap(context_, context);
  try {
    begin();
  } catch (...) {
    std::swap(context_, context);
    throw;
  }
  bio_.repeat_kept_input();
}

int OpenSslEngine::verify_callback(int is_fine, X509_STORE_CTX* verification) noexcept {
  if (is_fine == 1) return is_fine;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& refusal = static_cast<OpenSslEngine*>(SSL_get_app_data(ssl))->refusal_;
  refusal.verify_code = X509_STORE_CTX_get_error(verification);
  refusal.depth = X509_STORE_CTX_get_error_depth(verification);
  return is_fine;
}

void OpenSslEngine::keylog_callback(const SSL* ssl, const char* line) noexcept {
  const auto& self = *static_cast<const OpenSslEngine*>(SSL_get_app_data(ssl));
  try {
    self.context_->key_log().write(line);
  } catch (...) {
    self.report("the key log of a TLS connection failed");
  }
}

void OpenSslEngine::report(const char* message) const noexcept {
  try {
    if (report_) report_(message, std::current_exception());
  } catch (...) {
    // Whoever is told of exceptions has nobody to tell of its own.
  }
}

// --- plaintext ---------------------------------------------------------------------------------------------

Engine::ReadResult OpenSslEngine::read(MutableBytesView memory) {
  assert(handshake_is_over_ && "Engine::read: the handshake is not over");
  owes_end_ = false;
  if (failure_ != nullptr) return {Outcome::failed};
  if (peer_has_closed_) return {Outcome::closed};

  begin_call();
  const std::size_t writes_before = bio_.writes();
  std::size_t total = 0;
  Outcome outcome = Outcome::done;
  do {
    const MutableBytesView room = memory.drop(total);
    std::size_t size = 0;
    if (SSL_read_ex(ssl_.get(), room.data(), room.size(), &size) != 1) {
      outcome = why_not();
      break;
    }
    total += size;
    // Where there was room left over, OpenSSL holds nothing more: asking again would only tell that.
  } while (total < memory.size() && bio_.input_left() > 0);

  if (SSL_version(ssl_.get()) == TLS1_2_VERSION) count_refusals(bio_.writes() - writes_before, outcome);
  if (outcome != Outcome::failed) catch_up();
  if (total == 0) return {outcome};
  owes_end_ = outcome == Outcome::closed || outcome == Outcome::failed;
  return {Outcome::done, total};
}

bool OpenSslEngine::holds_plaintext() const noexcept { return owes_end_ || SSL_pending(ssl_.get()) > 0; }

Engine::Outcome OpenSslEngine::write(BytesView plaintext) {
  assert(handshake_is_over_ && "Engine::write: the handshake is not over");
  assert(!has_closed_ && "Engine::write: close was called");
  if (failure_ != nullptr) return Outcome::failed;
  if (plaintext.empty()) return Outcome::done;
  if (unencrypted_.empty()) {
    const Outcome outcome = encrypt(plaintext);
    if (outcome != Outcome::wants_input) return outcome;
  }
  unencrypted_.append(plaintext.text());
  return Outcome::done;
}

void OpenSslEngine::count_refusals(std::size_t count, Outcome& outcome) noexcept {
  refusals_ += count;
  if (outcome == Outcome::failed || refusals_ <= kMostRefusals) return;
  outcome = fail(TlsErrc::protocol_violation, "the peer asks for a renegotiation again and again");
}

/// All or nothing, for the sink takes everything; nothing where input is wanted.
Engine::Outcome OpenSslEngine::encrypt(BytesView plaintext) noexcept {
  // Within a message of the peer's OpenSSL would first go on reading that, which is for `read` to do.
  if (SSL_in_init(ssl_.get()) == 1) {
    if (!peer_has_closed_) return Outcome::wants_input;
    return fail(TlsErrc::protocol_violation, "the peer has closed in the middle of a message");
  }
  begin_call();
  std::size_t size = 0;
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &size) == 1) return Outcome::done;
  return why_not();
}

void OpenSslEngine::catch_up() noexcept {
  if (unencrypted_.empty() && !owes_close_notify_) [[likely]]
    return;
  if (!unencrypted_.empty()) {
    if (encrypt(unencrypted_) != Outcome::done) return;
    unencrypted_ = std::string();
  }
  if (owes_close_notify_) say_close_notify();
}

// --- the end -----------------------------------------------------------------------------------------------

void OpenSslEngine::close() {
  if (!handshake_is_over_ || has_closed_ || failure_ != nullptr) return;
  has_closed_ = true;
  owes_close_notify_ = true;
  if (unencrypted_.empty()) say_close_notify();
}

void OpenSslEngine::say_close_notify() noexcept {
  // Within a message of the peer's OpenSSL refuses, as it does writing.
  if (SSL_in_init(ssl_.get()) == 1) return;
  owes_close_notify_ = false;
  begin_call();
  // 0: said, and not answered yet. It is never called again, so it never reads.
  if (SSL_shutdown(ssl_.get()) < 0) why_not();
}

Engine::Outcome OpenSslEngine::why_not() noexcept {
  if (bio_.failure() != nullptr) return fail(bio_.failure());
  if (bio_.ran_dry()) return Outcome::wants_input;
  // Not SSL_get_error, which misses a close_notify of TLS 1.3 that is called fatal behind another alert:
  // there the level says nothing (RFC 8446, 6).
  if ((SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 && ERR_peek_error() == 0) {
    peer_has_closed_ = true;
    return Outcome::closed;
  }
  return fail(connection_failure(take_error(), {refusal_, server_hostname_, reads_encrypted()}));
}

/// TLS 1.2 changes to its keys with a message of its own, before the handshake is over.
bool OpenSslEngine::reads_encrypted() const noexcept {
  const OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl_.get());
  return handshake_is_over_ || state == TLS_ST_CR_CHANGE || state == TLS_ST_SR_CHANGE;
}

Engine::Outcome OpenSslEngine::fail(std::exception_ptr failure) noexcept {
  failure_ = std::move(failure);
  return Outcome::failed;
}

Engine::Outcome OpenSslEngine::fail(TlsErrc error, const char* what) noexcept {
  try {
    throw TlsError(error, what);
  } catch (...) {
    return fail(std::current_exception());
  }
}

// --- what can be asked -------------------------------------------------------------------------------------

std::string OpenSslEngine::version() const {
  return handshake_is_over_ ? SSL_get_version(ssl_.get()) : std::string();
}

std::optional<TlsCipher> OpenSslEngine::cipher() const {
  const SSL_CIPHER* cipher = handshake_is_over_ ? SSL_get_current_cipher(ssl_.get()) : nullptr;
  if (cipher == nullptr) return std::nullopt;
  return TlsCipher{SSL_CIPHER_get_name(cipher), SSL_CIPHER_get_version(cipher),
                   SSL_CIPHER_get_bits(cipher, nullptr)};
}

std::string OpenSslEngine::selected_alpn_protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return BytesView(name, size).to_string();
}

std::string OpenSslEngine::server_hostname() const {
  if (!context_->is_server() || !server_hostname_.empty()) return server_hostname_;
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

bool OpenSslEngine::session_reused() const { return SSL_session_reused(ssl_.get()) == 1; }

TlsSession OpenSslEngine::session() const {
  const SSL_SESSION* session = SSL_get0_session(ssl_.get());
  if (context_->is_server() || !handshake_is_over_ || session == nullptr) return {};
  if (SSL_SESSION_is_resumable(session) != 1) return {};
  return TlsSession(std::make_shared<const SessionCore>(session, context_, server_hostname_));
}

std::optional<TlsCertificate> OpenSslEngine::peer_certificate() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return std::nullopt;
  return read_certificate(certificate);
}

std::vector<TlsCertificate> OpenSslEngine::peer_chain() const {
  std::vector<TlsCertificate> chain;
  // A server's list of what its client has sent begins with the second one.
  const X509* first = context_->is_server() ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (first != nullptr) chain.push_back(read_certificate(first));
  const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl_.get());
  for (int index = 0; index < sk_X509_num(sent); ++index) {
    chain.push_back(read_certificate(sk_X509_value(sent, index)));
  }
  return chain;
}

std::vector<std::byte> OpenSslEngine::channel_binding(std::string_view kind) const {
  const bool is_exporter = kind == "tls-exporter";
  if (!is_exporter && kind != "tls-server-end-point") {
    throw std::invalid_argument(
        fmt::format("channel binding '{}' is not known; tls-exporter and tls-server-end-point are",
                    net::printable(kind)));
  }
  if (!handshake_is_over_) return {};
  if (is_exporter) return exported_binding(ssl_.get());
  return server_end_point(context_->is_server() ? SSL_get_certificate(ssl_.get())
                                                : SSL_get0_peer_certificate(ssl_.get()));
}

}  // namespace tidegate::tls
