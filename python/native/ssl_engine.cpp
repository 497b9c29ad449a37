// Python's TLS as an engine: see ssl_engine.hpp.
#include "ssl_engine.hpp"

#include "bytes_chunk.hpp"
#include "into_python.hpp"
#include "names.hpp"
#include "native_loop.hpp"
#include "python_error.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace tidegate::python {

namespace {

/// A header, 16 KiB and what encryption may add to that.
constexpr std::size_t kLongestRecordBytes = std::size_t{16} * 1024 + 2048 + 5;
/// How much of what has arrived is taken in at a time.
constexpr std::size_t kTakenInBytes = std::size_t{64} * 1024;

Owned attribute_of(PyObject* object, PyObject* name) {
  Owned attribute = Owned::take(PyObject_GetAttr(object, name));
  if (!attribute) throw_python_error();
  return attribute;
}

/// Memory of ours for one call of CPython's own, which keeps no hold on it.
Owned lend(const void* memory, std::size_t size_bytes, int access) {
  auto* const start = const_cast<char*>(static_cast<const char*>(memory));
  return Owned::take(PyMemoryView_FromMemory(start, static_cast<Py_ssize_t>(size_bytes), access));
}

Owned call(PyObject* callable) {
  return Owned::take(into_python([&] { return PyObject_CallNoArgs(callable); }));
}

Owned call(PyObject* callable, PyObject* first) { return call_one(callable, first); }

Owned call(PyObject* callable, PyObject* first, PyObject* second) {
  PyObject* arguments[3] = {nullptr, first, second};
  return Owned::take(into_python([&] {
    return PyObject_Vectorcall(callable, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }));
}

/// What a method has counted; -1 where it has raised.
Py_ssize_t count_of(const Owned& result) { return result ? PyLong_AsSsize_t(result.get()) : -1; }

}  // namespace

SslEngine::SslEngine(const Terms& terms, tls::CiphertextSink& sink)
    : sink_(sink),
      interrupt_(terms.interrupt),
      ssl_object_(Owned::share(terms.ssl_object)),
      incoming_(Owned::share(terms.incoming)),
      extra_(Owned::share(terms.extra)) {
  const Owned inside = attribute_of(terms.ssl_object, names().sslobj);
  do_handshake_ = attribute_of(inside.get(), names().do_handshake);
  read_ = attribute_of(inside.get(), names().read);
  write_ = attribute_of(inside.get(), names().write);
  pending_ = attribute_of(inside.get(), names().pending);
  shutdown_ = attribute_of(inside.get(), names().shutdown);
  take_in_ = attribute_of(terms.incoming, names().write);
  put_out_ = attribute_of(terms.outgoing, names().read);
}

// --- ciphertext --------------------------------------------------------------------------------------------

SslEngine::Outcome SslEngine::take_in(std::size_t most_bytes) {
  if (input_.empty()) return Outcome::done;
  const BytesView piece = input_.first(most_bytes);
  input_ = input_.drop(piece.size());
  waiting_bytes_ += piece.size();
  const Owned lent = lend(piece.data(), piece.size(), PyBUF_READ);
  if (!lent || !call(take_in_.get(), lent.get())) return fail();
  return Outcome::done;
}

/// What may make up the next records, and not all that has arrived: the BIO clears its memory before it
/// copies into it, and a little at a time is still in the processor's cache when it is decrypted.
SslEngine::Outcome SslEngine::take_in_next() {
  return waiting_bytes_ < kLongestRecordBytes ? take_in(kTakenInBytes) : Outcome::done;
}

SslEngine::Outcome SslEngine::put_out() {
  const Owned bytes = call(put_out_.get());
  if (!bytes) return fail();
  const auto size_bytes = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()));
  if (size_bytes >= kWorthKeeping) {
    sink_.put_owned(chunk_of(bytes.get()));
  } else if (size_bytes > 0) {
    sink_.put(BytesView(PyBytes_AS_STRING(bytes.get()), size_bytes));
  }
  return Outcome::done;
}

/// Whether the next read may come upon something: behind a record of which there is more (`in_record`), or
/// else in what has arrived.
bool SslEngine::look_for_more(bool in_record) {
  if (in_record) {
    const Py_ssize_t pending = count_of(call(pending_.get()));
    if (pending > 0) return true;
    if (pending < 0) PyErr_Clear();  // asked for in vain: the next read raises as well
  }
  const Py_ssize_t waiting = count_of(Owned::take(PyObject_GetAttr(incoming_.get(), names().pending)));
  if (waiting < 0) PyErr_Clear();
  waiting_bytes_ = waiting < 0 ? 0 : static_cast<std::size_t>(waiting);
  return waiting != 0;
}

// --- the handshake -----------------------------------------------------------------------------------------

SslEngine::Outcome SslEngine::handshake() {
  if (failure_ != nullptr) return Outcome::failed;
  if (handshake_is_over_) return Outcome::done;
  if (take_in(input_.size()) == Outcome::failed) return Outcome::failed;
  Outcome outcome = call(do_handshake_.get()) ? Outcome::done : why_not();
  if (outcome == Outcome::done && !call(names().describe_tls, extra_.get(), ssl_object_.get()))
    outcome = fail();
  if (put_out() == Outcome::failed) return Outcome::failed;
  if (outcome == Outcome::done) {
    handshake_is_over_ = true;
    holds_more_ = look_for_more(true);
  }
  return outcome;
}

// --- plaintext ---------------------------------------------------------------------------------------------

/// One record, or what there is room for of it.
SslEngine::Outcome SslEngine::read_record(MutableBytesView memory, std::size_t& size_bytes) {
  const Owned size = Owned::take(PyLong_FromSize_t(memory.size()));
  const Owned lent = lend(memory.data(), memory.size(), PyBUF_WRITE);
  if (!size || !lent) return fail();
  const Py_ssize_t count = count_of(call(read_.get(), size.get(), lent.get()));
  if (count < 0) return why_not();
  if (count == 0) {
    peer_has_closed_ = true;
    return Outcome::closed;
  }
  size_bytes = static_cast<std::size_t>(count);
  return Outcome::done;
}

SslEngine::ReadResult SslEngine::read(MutableBytesView memory) {
  owes_end_ = false;
  if (failure_ != nullptr) return {Outcome::failed};
  if (peer_has_closed_) return {Outcome::closed};

  std::size_t total = 0;
  Outcome outcome = Outcome::done;
  do {
    const MutableBytesView room = memory.drop(total);
    std::size_t size_bytes = 0;
    outcome = take_in_next();
    if (outcome == Outcome::done) outcome = read_record(room, size_bytes);
    if (outcome == Outcome::wants_input) waiting_bytes_ = 0;
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

/// Moves `plaintext` on by what was taken of it: all, unless input is wanted.
SslEngine::Outcome SslEngine::encrypt(BytesView& plaintext) {
  while (!plaintext.empty()) {
    const Owned lent = lend(plaintext.data(), plaintext.size(), PyBUF_READ);
    if (!lent) return fail();
    const Py_ssize_t count = count_of(call(write_.get(), lent.get()));
    if (count < 0) return why_not();
    plaintext = plaintext.drop(static_cast<std::size_t>(count));
  }
  return Outcome::done;
}

SslEngine::Outcome SslEngine::write(BytesView plaintext) {
  if (failure_ != nullptr) return Outcome::failed;
  if (unencrypted_.empty()) {
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
  if (unencrypted_.empty()) say_close_notify();
  static_cast<void>(put_out());  // its failure is kept, and told by whatever is called next
}

void SslEngine::say_close_notify() {
  owes_close_notify_ = false;
  // Python's shutdown() goes on to look for the peer's, and takes data in its place for an error. Nobody
  // wants them.
  std::array<std::byte, 4096> discarded;
  while (holds_more_) {
    std::size_t size_bytes = 0;
    holds_more_ = read_record(discarded, size_bytes) == Outcome::done && look_for_more(true);
  }
  if (failure_ != nullptr) return;
  if (call(shutdown_.get())) {
    peer_has_closed_ = true;
  } else {
    static_cast<void>(why_not());
  }
}

/// What Python has raised.
SslEngine::Outcome SslEngine::why_not() {
  if (PyErr_ExceptionMatches(names().ssl_want_read) != 0 ||
      PyErr_ExceptionMatches(names().ssl_syscall) != 0) {
    PyErr_Clear();
    return Outcome::wants_input;
  }
  if (PyErr_ExceptionMatches(names().ssl_zero_return) != 0) {  // as read() has it once both ends have closed
    PyErr_Clear();
    peer_has_closed_ = true;
    return Outcome::closed;
  }
  return fail();
}

SslEngine::Outcome SslEngine::fail() {
  if (NativeLoop::is_for_the_program()) {
    interrupt_();
    failure_ = std::make_exception_ptr(OsError(std::error_code(ECONNABORTED, std::system_category()), "TLS"));
  } else {
    failure_ = std::make_exception_ptr(PythonError(take_exception()));
  }
  return Outcome::failed;
}

// --- for the collector -------------------------------------------------------------------------------------

int SslEngine::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&ssl_object_, &incoming_, &extra_, &do_handshake_, &read_, &write_, &pending_,
                             &shutdown_, &take_in_, &put_out_}) {
    Py_VISIT(owned->get());
  }
  return 0;
}

void SslEngine::clear() noexcept {
  if (failure_ == nullptr)
    failure_ = std::make_exception_ptr(InvalidStateError("the connection was collected"));
  for (Owned* owned : {&ssl_object_, &incoming_, &extra_, &do_handshake_, &read_, &write_, &pending_,
                       &shutdown_, &take_in_, &put_out_}) {
    owned->reset();
  }
}

}  // namespace tidegate::python
