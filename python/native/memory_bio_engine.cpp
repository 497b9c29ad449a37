// Through MemoryBIOs: see memory_bio_engine.hpp.
#include "memory_bio_engine.hpp"

#include "bytes_chunk.hpp"
#include "lent_memory.hpp"
#include "names.hpp"

namespace tidegate::python {

namespace {

/// A header, 16 KiB and what encryption may add to that.
constexpr std::size_t kLongestRecordBytes = std::size_t{16} * 1024 + 2048 + 5;
/// How much of what has arrived is taken in at a time.
constexpr std::size_t kTakenInBytes = std::size_t{64} * 1024;

}  // namespace

MemoryBioEngine::MemoryBioEngine(const Terms& terms, tls::CiphertextSink& sink)
    : SslEngine(terms),
      sink_(sink),
      incoming_(Owned::share(terms.wrapped->incoming.get())),
      take_in_(attribute_of(incoming_.get(), names().write)),
      put_out_(attribute_of(terms.wrapped->outgoing.get(), names().read)),
      pending_(method_of_inside(names().pending)) {}

/// Not all that has arrived: the BIO clears its memory before it copies into it, and a little at a time is
/// still in the processor's cache when it is decrypted.
SslEngine::Outcome MemoryBioEngine::take_in(bool everything) {
  if (input_.empty() || (!everything && waiting_bytes_ >= kLongestRecordBytes)) return Outcome::done;
  const BytesView piece = everything ? input_ : input_.first(kTakenInBytes);
  input_ = input_.drop(piece.size());
  waiting_bytes_ += piece.size();
  const Owned lent = lend(piece.data(), piece.size(), PyBUF_READ);
  if (!lent || !call(take_in_.get(), lent.get())) return fail();
  return Outcome::done;
}

SslEngine::Outcome MemoryBioEngine::put_out() {
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

SslEngine::Outcome MemoryBioEngine::read_record(MutableBytesView memory, std::size_t& size_bytes) {
  const Outcome outcome = SslEngine::read_record(memory, size_bytes);
  if (outcome == Outcome::wants_input) waiting_bytes_ = 0;
  return outcome;
}

bool MemoryBioEngine::is_within_record() {
  const Py_ssize_t pending = count_of(call(pending_.get()));
  if (pending < 0) PyErr_Clear();  // asked for in vain: the next read raises as well
  return pending > 0;
}

bool MemoryBioEngine::look_for_more(bool in_record) {
  if (in_record && is_within_record()) return true;
  const Py_ssize_t waiting = count_of(Owned::take(PyObject_GetAttr(incoming_.get(), names().pending)));
  if (waiting < 0) PyErr_Clear();
  waiting_bytes_ = waiting < 0 ? 0 : static_cast<std::size_t>(waiting);
  return waiting != 0;
}

int MemoryBioEngine::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&incoming_, &take_in_, &put_out_, &pending_}) Py_VISIT(owned->get());
  return SslEngine::traverse(visit, arg);
}

void MemoryBioEngine::clear() noexcept {
  SslEngine::clear();
  for (Owned* owned : {&incoming_, &take_in_, &put_out_, &pending_}) owned->reset();
}

}  // namespace tidegate::python
