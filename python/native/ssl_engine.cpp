// Python's TLS as an engine: see ssl_engine.hpp.
#include "ssl_engine.hpp"

#include "lent_memory.hpp"
#include "memory_bio_engine.hpp"
#include "names.hpp"
#include "native_loop.hpp"
#include "python_error.hpp"

#include <array>
#include <cerrno>
#include <utility>

#ifdef TIDEGATE_HAS_TLS
#include "direct_engine.hpp"
#endif

namespace tidegate::python {

std::shared_ptr<SslEngine> SslEngine::make(const Terms& terms, tls::CiphertextSink& sink) {
#ifdef TIDEGATE_HAS_TLS
  if (terms.wrapped->ssl != nullptr) return std::make_shared<DirectEngine>(terms, sink);
#endif
  return std::make_shared<MemoryBioEngine>(terms, sink);
}

SslEngine::SslEngine(const Terms& terms)
    : interrupt_(terms.interrupt),
      ssl_object_(Owned::share(terms.wrapped->ssl_object.get())),
      extra_(Owned::share(terms.extra)) {
  do_handshake_ = method_of_inside(names().do_handshake);
  read_ = method_of_inside(names().read);
  write_ = method_of_inside(names().write);
  shutdown_ = method_of_inside(names().shutdown);
}

Owned SslEngine::method_of_inside(PyObject* name) const {
  return attribute_of(attribute_of(ssl_object_.get(), names().sslobj).get(), name);
}

// --- the handshake -----------------------------------------------------------------------------------------

SslEngine::Outcome SslEngine::handshake() {
  if (failure_ != nullptr) return Outcome::failed;
  if (handshake_is_over_) return Outcome::done;
  const Turn turn(*this);
  if (take_in(true) == Outcome::failed) return Outcome::failed;
  Outcome outcome = call(do_handshake_.get()) ? Outcome::done : why_not();
  if (outcome == Outcome::done && !call(names().describe_tls, extra_.get(), ssl_object_.get()))
    outcome = fail();
  if (put_out() == Outcome::failed) return Outcome::failed;
  if (outcome == Outcome::done) {
    handshake_is_over_ = true;
    begin_records();
    holds_more_ = look_for_more(true);
  }
  return outcome;
}

// --- plaintext ---------------------------------------------------------------------------------------------

SslEngine::Outcome SslEngine::read_record(MutableBytesView memory, std::size_t& size_bytes) {
  const Owned size = Owned::take(PyLong_FromSize_t(memory.size()));
  const Owned lent = lend(memory.data(), memory.size(), PyBUF_WRITE);
  if (!size || !lent) return fail();
  const Py_ssize_t count = count_of(call(read_.get(), size.get(), lent.get()));
  if (count < 0) return why_not();
  if (count == 0) return peer_closes();
  size_bytes = static_cast<std::size_t>(count);
  return Outcome::done;
}

/// The context may be another by now than the one that was asked: a server chooses by the name.
bool SslEngine::looks_at_records() {
  const Owned context = Owned::take(PyObject_GetAttr(ssl_object_.get(), names().context));
  const Owned callback =
      Owned::take(context ? PyObject_GetAttr(context.get(), names().msg_callback) : nullptr);
  if (!callback) PyErr_Clear();  // a version that has no such thing
  return callback && callback.get() != Py_None;
}

SslEngine::ReadResult SslEngine::read(MutableBytesView memory) {
  owes_end_ = false;
  if (failure_ != nullptr) return {Outcome::failed};
  if (peer_has_closed_) return {Outcome::closed};

  const Turn turn(*this);
  std::size_t total = 0;
  Outcome outcome = Outcome::done;
  do {
    const MutableBytesView room = memory.drop(total);
    std::size_t size_bytes = 0;
    outcome = take_in(false);
    if (outcome == Outcome::done) outcome = read_record(room, size_bytes);
    holds_more_ = outcome == Outcome::done && look_for_more(size_bytes == room.size());
    total += size_bytes;
  } while (total < memory.size() && (holds_more_ || may_take_in_more(outcome)));

  if (outcome != Outcome::failed) catch_up();
  // An answer to the peer, or an alert.
  if (put_out() == Outcome::failed) outcome = Outcome::failed;
  if (total == 0) return {outcome};
  owes_end_ = outcome == Outcome::closed || outcome == Outcome::failed;
  return {Outcome::done, total};
}

SslEngine::Outcome SslEngine::write_record(BytesView plaintext, std::size_t& size_bytes) {
  const Owned lent = lend(plaintext.data(), plaintext.size(), PyBUF_READ);
  if (!lent) return fail();
  const Py_ssize_t count = count_of(call(write_.get(), lent.get()));
  if (count < 0) return why_not();
  size_bytes = static_cast<std::size_t>(count);
  return Outcome::done;
}

/// Moves `plaintext` on by what was taken of it: all, unless input is wanted.
SslEngine::Outcome SslEngine::encrypt(BytesView& plaintext) {
  while (!plaintext.empty()) {
    std::size_t size_bytes = 0;
    const Outcome outcome = write_record(plaintext, size_bytes);
    if (outcome == Outcome::closed) {
      return fail(std::make_exception_ptr(
          TlsError(TlsErrc::protocol_violation, "the peer has closed in the middle of a message")));
    }
    if (outcome != Outcome::done) return outcome;
    plaintext = plaintext.drop(size_bytes);
  }
  return Outcome::done;
}

SslEngine::Outcome SslEngine::write(BytesView plaintext) {
  if (failure_ != nullptr) return Outcome::failed;
  if (unencrypted_.empty()) {
    const Turn turn(*this);
    const Outcome outcome = encrypt(plaintext);
    if (put_out() == Outcome::failed) return Outcome::failed;
    if (outcome != Outcome::wants_input) return outcome;
  }
  unencrypted_.append(plaintext.text());
  return Outcome::done;
}

/// What could not be encrypted before something was read.
void SslEngine::catch_up() {
  if (!unencrypted_.empty()) {
    BytesView rest(unencrypted_);
    const Outcome outcome = encrypt(rest);
    unencrypted_.erase(0, unencrypted_.size() - rest.size());
    if (outcome != Outcome::done) return;
  }
  if (owes_close_notify_) say_close_notify();
}

// --- the end -----------------------------------------------------------------------------------------------

void SslEngine::close() {
  if (!handshake_is_over_ || has_closed_ || failure_ != nullptr) return;
  has_closed_ = true;
  owes_close_notify_ = true;
  const Turn turn(*this);
  if (unencrypted_.empty()) say_close_notify();
  static_cast<void>(put_out());  // its failure is kept, and told by whatever is called next
}

void SslEngine::say_close_notify() { owes_close_notify_ = shut_down() == Outcome::wants_input; }

/// Python's shutdown() goes on to look for the peer's, and takes data in its place for an error. Nobody wants
/// them.
SslEngine::Outcome SslEngine::shut_down() {
  std::array<std::byte, 4096> discarded;
  while (holds_more_) {
    std::size_t size_bytes = 0;
    holds_more_ = read_record(discarded, size_bytes) == Outcome::done && look_for_more(true);
  }
  if (failure_ != nullptr) return Outcome::failed;
  if (call(shutdown_.get())) return peer_closes();
  const Outcome outcome = why_not();
  return outcome == Outcome::wants_input ? Outcome::done : outcome;  // the peer's is not there yet
}

SslEngine::Outcome SslEngine::peer_closes() noexcept {
  peer_has_closed_ = true;
  return Outcome::closed;
}

SslEngine::Outcome SslEngine::why_not() {
  if (PyErr_ExceptionMatches(names().ssl_want_read) != 0 ||
      PyErr_ExceptionMatches(names().ssl_syscall) != 0) {
    PyErr_Clear();
    return Outcome::wants_input;
  }
  if (PyErr_ExceptionMatches(names().ssl_zero_return) != 0) {  // as read() has it once both ends have closed
    PyErr_Clear();
    return peer_closes();
  }
  return fail();
}

SslEngine::Outcome SslEngine::fail() {
  if (!NativeLoop::is_for_the_program()) return fail(std::make_exception_ptr(PythonError(take_exception())));
  interrupt_();
  return fail(std::make_exception_ptr(OsError(std::error_code(ECONNABORTED, std::system_category()), "TLS")));
}

SslEngine::Outcome SslEngine::fail(std::exception_ptr failure) noexcept {
  failure_ = std::move(failure);
  return Outcome::failed;
}

// --- for the collector -------------------------------------------------------------------------------------

int SslEngine::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&ssl_object_, &extra_, &do_handshake_, &read_, &write_, &shutdown_}) {
    Py_VISIT(owned->get());
  }
  return 0;
}

void SslEngine::clear() noexcept {
  if (failure_ == nullptr)
    failure_ = std::make_exception_ptr(InvalidStateError("the connection was collected"));
  for (Owned* owned : {&ssl_object_, &extra_, &do_handshake_, &read_, &write_, &shutdown_}) {
    owned->reset();
  }
}

}  // namespace tidegate::python
