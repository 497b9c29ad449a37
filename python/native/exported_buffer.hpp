// The memory of a Python object that exports some: bytes, bytearray, memoryview and others.
#pragma once

#include <tidegate/bytes.hpp>

#include "python.hpp"
#include "python_error.hpp"

#include <utility>

namespace tidegate::python {

/// A hold on such memory, during which the object can't change its size.
class ExportedBuffer {
 public:
  enum class Access : int { read = PyBUF_SIMPLE, write = PyBUF_WRITABLE };

  ExportedBuffer() noexcept = default;
  /// Throws PythonError for what exports none, or no contiguous or writable one.
  ExportedBuffer(PyObject* object, Access access) {
    if (PyObject_GetBuffer(object, &buffer_, static_cast<int>(access)) < 0) throw_python_error();
    held_ = true;
  }
  ExportedBuffer(ExportedBuffer&& other) noexcept
      : buffer_(other.buffer_), held_(std::exchange(other.held_, false)) {}
  ExportedBuffer& operator=(ExportedBuffer&& other) noexcept {
    release();
    buffer_ = other.buffer_;
    held_ = std::exchange(other.held_, false);
    return *this;
  }
  ExportedBuffer(const ExportedBuffer&) = delete;
  ExportedBuffer& operator=(const ExportedBuffer&) = delete;
  ~ExportedBuffer() { release(); }

  [[nodiscard]] BytesView bytes() const noexcept {
    return {buffer_.buf, static_cast<std::size_t>(buffer_.len)};
  }
  [[nodiscard]] MutableBytesView memory() const noexcept {
    return {buffer_.buf, static_cast<std::size_t>(buffer_.len)};
  }

  void release() noexcept {
    if (std::exchange(held_, false)) PyBuffer_Release(&buffer_);
  }

 private:
  Py_buffer buffer_{};
  bool held_ = false;
};

}  // namespace tidegate::python
