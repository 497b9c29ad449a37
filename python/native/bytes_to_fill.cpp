// What a large receive fills: see bytes_to_fill.hpp.
#include "bytes_to_fill.hpp"

#include "python_error.hpp"

namespace tidegate::python {

namespace {

/// Less than this is copied, and the memory kept.
constexpr std::size_t kWorthTaking = std::size_t{64} * 1024;

Owned make_bytes(std::size_t size_bytes) {
  return Owned::take(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size_bytes)));
}

/// So that the C library learns that sizes like this one come and go. It takes what is as large from the
/// system otherwise, a page fault for every 4 KiB, each time anew: bytes that were cut down to less than its
/// limit do not raise that when they are freed (mallopt(3), M_MMAP_THRESHOLD). More than what is received at
/// a time, for what is received is put together by others, such as a StreamReader.
void give_memory_back_once() {
  static const bool is_given_back = [] {
    if (!make_bytes(16 * BytesToFill::kBytes)) PyErr_Clear();
    return true;
  }();
  static_cast<void>(is_given_back);
}

}  // namespace

MutableBytesView BytesToFill::memory() {
  if (!bytes_) {
    give_memory_back_once();
    bytes_ = make_bytes(kBytes);
    if (!bytes_) throw_python_error();
  }
  return {PyBytes_AS_STRING(bytes_.get()), kBytes};
}

Owned BytesToFill::take(std::size_t size_bytes) {
  const auto size = static_cast<Py_ssize_t>(size_bytes);
  if (size_bytes < kWorthTaking)
    return Owned::take(PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes_.get()), size));
  PyObject* filled = bytes_.release();
  // Cut where it lies; null where that fails.
  if (size_bytes < kBytes) static_cast<void>(_PyBytes_Resize(&filled, size));
  return Owned::take(filled);
}

}  // namespace tidegate::python
