// A Python `bytes` as a chunk: handed over to the core and kept there, not copied.
#pragma once

#include <tidegate/chunk.hpp>

#include "python.hpp"

#include <cstddef>

namespace tidegate::python {

/// Less than this is copied, where it has to wait; more is kept where it is.
inline constexpr std::size_t kWorthKeeping = 2048;

/// The bytes of `bytes`, which never change, with a reference of its own to it.
[[nodiscard]] inline Chunk chunk_of(PyObject* bytes) noexcept {
  return {BytesView(PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))),
          Py_NewRef(bytes), [](void* owner) noexcept { Py_DECREF(static_cast<PyObject*>(owner)); }};
}

}  // namespace tidegate::python
