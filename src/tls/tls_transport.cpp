// The life of a TLS connection: its making, the handshake, the end. Reading is in tls_reading.cpp, writing in
// tls_writing.cpp.
#include "tls/tls_transport.hpp"

#include "tls/context_core.hpp"

#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tidegate::tls {

namespace {

std::exception_ptr error_of(TlsErrc error, const std::string& what) {
  return std::make_exception_ptr(TlsError(error, what));
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// --- the making ----------------------------------------------------------------------------------

TlsTransport::TlsTransport(loop::LoopCore& core, const transport::Securing& securing,
                           std::shared_ptr<BaseProtocol> protocol)
    : core_(core),
      plain_(core.blocks()),
      collected_(core.blocks()),
      protocol_(std::move(protocol)),
      handshake_timeout_(securing.handshake_timeout),
      shutdown_timeout_(securing.shutdown_timeout) {
  cut_is_end_ = securing.cut_is_end;
  // The engine lives in here, and asks for nothing when this has gone.
  const auto report_to_loop = [this](const char* message, std::exception_ptr exception) {
    report(message, std::move(exception));
  };
  engine_ = securing.context.core()->make_engine(
      {.server_hostname = securing.server_hostname, .session = securing.session, .report = report_to_loop},
      *this);
}

TlsTransport::~TlsTransport() { timer_.cancel(); }

std::shared_ptr<TlsTransport> TlsTransport::make(loop::LoopCore& core, const transport::Securing& securing,
                                                 std::shared_ptr<BaseProtocol> protocol,
                                                 transport::Opening opening) {
  auto made = std::make_shared<TlsTransport>(core, securing, std::move(protocol));
  if (opening == transport::Opening::awaited) {
    made->awaited_ = true;
    made->opened_ = core.loop().create_future<TransportRef>();
  }
  return made;
}

std::shared_ptr<TlsTransport> TlsTransport::upgrade(transport::InnerTransport& below,
                                                    const transport::Securing& securing,
                                                    std::shared_ptr<BaseProtocol> protocol,
                                                    BytesView received) {
  // Paused by the old transport, the protocol waits for the resume_writing of whoever comes after (T8).
  const bool owed_resume = below.writing_paused() && below.get_protocol() == protocol;
  auto made = make(below.core(), securing, std::move(protocol), transport::Opening::awaited);
  made->park(received);
  below.set_protocol(made);
  made->upgraded_ = true;
  if (owed_resume) made->flow_.begin_paused();
  made->below_paused_ = below.writing_paused();
  made->below_ = Ref<transport::InnerTransport>(&below);
  made->core_.admit(*made);
  static_cast<void>(made->state_.open());  // the protocol was told long ago
  made->schedule();
  return made;
}

void TlsTransport::retain() noexcept {
  if (holders_++ == 0) self_ = shared_from_this();
}

void TlsTransport::release() noexcept {
  if (--holders_ == 0) const auto last = std::move(self_);
}

// --- the handshake -------------------------------------------------------------------------------

void TlsTransport::connection_made(TransportRef below) {
  // Only our own transports are given layers.
  below_ = Ref<transport::InnerTransport>(static_cast<transport::InnerTransport*>(below.get()));
  if (state_.is_lost()) return below_->abort();  // before there was anything to abort
  core_.admit(*this);
  or_fail([this] { begin(); });
}

void TlsTransport::begin() {
  begun_ = true;
  set_marks_below();
  below_->receive_modestly();
  start_timer(handshake_timeout_);
  advance_handshake();
}

void TlsTransport::advance_handshake() {
  const Engine::Outcome outcome = engine_->handshake();
  if (state_.is_lost()) return;  // by what a callback of the context has done
  if (outcome == Engine::Outcome::failed) return fail_handshake(engine_->failure());
  hand_over();
  if (outcome == Engine::Outcome::done) handshake_is_over();
}

void TlsTransport::handshake_is_over() {
  timer_.cancel();
  phase_ = TlsPhase::open;
  if (!upgraded_) {
    static_cast<void>(state_.open());
    try {
      protocol_.stream().connection_made(TransportRef(this));
    } catch (...) {
      report("protocol.connection_made() failed", std::current_exception());  // it stays open (L7)
    }
  }
  if (awaited_) {
    Future<TransportRef> opened = std::move(opened_);  // which would hold what holds it
    if (!opened.done()) opened.set_result(TransportRef(this));
  }
  if (upgraded_) after_sending();  // what was sent meanwhile may have let the protocol go on
}

/// It is told to whoever waits, or else to the exception handler (T1).
void TlsTransport::fail_handshake(std::exception_ptr exception) {
  if (state_.is_lost()) return;
  if (!awaited_) report("TLS handshake failed", exception);
  give_handshake_up(std::move(exception));
}

/// The alert that tells the peer is sent if the kernel takes it now.
void TlsTransport::give_handshake_up(std::exception_ptr exception) {
  if (!state_.lose()) return;
  timer_.cancel();
  reason_ = Error(exception);
  const Future<TransportRef> opened = std::move(opened_);
  if (opened && !opened.done()) opened.set_exception(std::move(exception));
  end_below();
}

void TlsTransport::start_timer(Duration duration) {
  timer_.cancel();
  timer_ = core_.loop().call_later(duration, [this] { time_is_up(); });
}

void TlsTransport::time_is_up() {
  or_fail([this] { end_for_time(); });
}

void TlsTransport::end_for_time() {
  if (phase_ == TlsPhase::handshake) {
    fail_handshake(error_of(TlsErrc::handshake_timed_out,
                            fmt::format("the TLS handshake took longer than {} s: the connection is aborted",
                                        seconds(handshake_timeout_))));
  } else {
    lose(Error(error_of(TlsErrc::shutdown_timed_out,
                        fmt::format("the end of a TLS connection took longer than {} s: it is aborted",
                                    seconds(shutdown_timeout_)))));
  }
}

// --- the end -------------------------------------------------------------------------------------

/// Also from the moment on in which the transport below has failed, whose connection_lost comes soon: a
/// protocol that writes until it is told to pause must not go on for ever (L6).
bool TlsTransport::is_closing() const noexcept {
  return state_.is_closing() || (below_ && below_->is_closing());
}

void TlsTransport::close() {
  if (state_.is_lost()) return;
  core_.check_thread();
  // There is no farewell without a loop.
  if (phase_ == TlsPhase::handshake || core_.is_closed()) return abort();
  if (!state_.begin_closing()) return;
  begin_shutdown();
}

void TlsTransport::abort() { abort_for(Error()); }

void TlsTransport::abort_for(Error reason) {
  if (state_.is_lost()) return;
  core_.check_thread();
  if (phase_ == TlsPhase::handshake) {
    give_handshake_up(error_of(TlsErrc::truncated, "the connection was aborted during the TLS handshake"));
    reason_ = std::move(reason);  // for the protocol, where it knows of the connection: L5
  } else {
    // What a failed write has left to be read may be what is being delivered: that write has begun the end
    // (L3).
    found_broken_ = !state_.is_closing() && below_->is_closing();
    lose(std::move(reason));
  }
}

/// What was written leaves, then our close_notify, then the peer's is awaited (T3): all of it within the
/// time-out.
void TlsTransport::begin_shutdown() {
  phase_ = TlsPhase::flushing;
  fail_file(reason_);
  start_timer(shutdown_timeout_);
  schedule();  // to look through what was not read so far, and to read on where that was paused
  const auto consumed = encrypt_buffered();
  continue_shutdown();
}

void TlsTransport::continue_shutdown() {
  if (state_.is_lost()) return;
  if (phase_ == TlsPhase::flushing && plain_.empty()) {
    phase_ = TlsPhase::closed;
    const bool has_failed = below_->is_closing();  // with what was still to be sent
    const bool owed = get_write_buffer_size() != 0 || has_failed;
    engine_->close();
    if (engine_->failure() != nullptr) return engine_has_failed();  // there is no farewell to be answered
    set_marks_below();
    hand_over();
    loses_bytes_ = has_failed || (owed && below_->is_closing());
  }
  if (phase_ != TlsPhase::closed) return;
  // Otherwise resume_writing comes.
  if (!loses_bytes_ && get_write_buffer_size() == 0) flushed_ = true;
  const bool read_enough = discarded_bytes_ > kMostDiscarded && flushed_;
  if (engine_->peer_has_closed() || below_eof_ || read_enough) below_->close();
}

/// Ends the connection below at once; what the engine has left for the peer goes first if the kernel takes it
/// now.
void TlsTransport::end_below() {
  plain_.clear();
  parked_ = {};
  core_.forget_flush(*this);
  if (!below_) return;
  try {
    if (!collected_.empty()) {
      below_->set_write_buffer_limits({.high = 0, .low = 0});
      hand_over();
    }
  } catch (...) {
    collected_.clear();  // the peer is not told why
  }
  if (below_->get_write_buffer_size() == 0) {
    below_->close();
  } else {
    below_->abort();
  }
}

void TlsTransport::fail(const char* message, std::exception_ptr exception) {
  report(message, exception);
  lose(Error(std::move(exception)));
}

void TlsTransport::give_up(std::exception_ptr exception) {
  if (phase_ == TlsPhase::handshake) {
    fail_handshake(std::move(exception));
  } else {
    fail("Fatal error: a TLS connection can't go on", std::move(exception));
  }
}

/// Drops what is not sent yet. The transport below comes back with connection_lost, soon.
void TlsTransport::lose(Error reason) {
  if (!state_.lose()) return;
  timer_.cancel();
  if (!reason_) reason_ = std::move(reason);  // what began the end comes first
  fail_file(reason_);
  collected_.clear();
  plain_.clear();
  parked_ = {};
  core_.forget_flush(*this);
  below_->abort();
}

/// The one place where the protocol above is told of the end.
void TlsTransport::connection_lost(const Error& reason) {
  if (state_.is_ended()) return;
  if (phase_ == TlsPhase::handshake) {
    fail_handshake(reason ? reason.exception()
                          : error_of(TlsErrc::truncated, "the connection ended during the TLS handshake"));
  }
  // What had arrived before is delivered, unless reading is paused.
  const bool holds_more = !parked_.empty() || engine_->holds_plaintext();
  if (holds_more && state_.wants_data()) take_input({});
  if (state_.lose()) {
    timer_.cancel();
    // Where everything had left and only the peer's farewell was awaited, its absence is no error of ours
    // (L3).
    if (!reason_ && !flushed_) reason_ = reason;
  }
  if (!reason_ && found_broken_) reason_ = reason;
  fail_file(reason_);
  core_.forget_flush(*this);
  loop::Visitor::unlink();
  plain_.clear();
  parked_ = {};
  if (state_.opened()) {
    try {
      protocol_.stream().connection_lost(reason_);
    } catch (...) {
      report("protocol.connection_lost() failed", std::current_exception());
    }
  }
  protocol_.reset();
  state_.end();
  reason_ = Error();
}

void TlsTransport::schedule() noexcept {
  if (queued_) return;
  queued_ = true;
  retain();  // until it is run or discarded
  core_.schedule(*this);
}

/// From the ready queue: an upgrade begins, or what is parked can be looked at.
void TlsTransport::run() {
  const Ref<TlsTransport> alive = Ref<TlsTransport>::adopt(this);
  queued_ = false;
  if (state_.is_lost()) return;
  if (phase_ == TlsPhase::open) seen_by_owner_ = true;
  or_fail([this] {
    if (!begun_) begin();
    after_sending();  // a file may have kept a resume_writing back
    if (!state_.is_lost()) go_on_reading();
  });
}

void TlsTransport::discard() noexcept {
  queued_ = false;
  release();
}

void TlsTransport::loop_closed() noexcept {
  const std::shared_ptr<TlsTransport> alive = shared_from_this();
  const bool unclosed = state_.lose();
  state_.end();
  timer_.cancel();
  core_.forget_flush(*this);
  if (unclosed) report("unclosed transport", nullptr);
  plain_.clear();
  collected_.clear();
  opened_ = {};
  protocol_.reset();
}

void TlsTransport::report(const char* message, std::exception_ptr exception) noexcept {
  core_.report(message, std::move(exception), this, protocol_.shared().get());
}

// --- who and what --------------------------------------------------------------------------------

void TlsTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (state_.is_ended()) return;
  core_.check_thread();
  protocol_.replace(std::move(protocol), core_.loop());
}

std::any TlsTransport::get_extra_info(std::string_view name) const {
  if (name == "ssl_object") return std::shared_ptr<const TlsObject>(engine_);
  if (name == "sslcontext") return engine_->context();
  if (name == "compression") return std::string();
  if (name == "peercert") {
    const std::optional<TlsCertificate> certificate = engine_->peer_certificate();
    return certificate ? std::any(*certificate) : std::any();
  }
  if (name == "cipher") {
    const std::optional<TlsCipher> cipher = engine_->cipher();
    return cipher ? std::any(*cipher) : std::any();
  }
  return below_ ? below_->get_extra_info(name) : std::any();
}

}  // namespace tidegate::tls

namespace tidegate {

std::shared_ptr<const TlsObject> tls_object(const BaseTransport& transport) {
  const std::any found = transport.get_extra_info("ssl_object");
  const auto* object = std::any_cast<std::shared_ptr<const TlsObject>>(&found);
  return object == nullptr ? nullptr : *object;
}

}  // namespace tidegate
