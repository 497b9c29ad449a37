// What the loop has to know of a Python protocol that the core calls: whose it is, to tell the exception
// handler.
#pragma once

#include "python.hpp"

namespace tidegate::python {

class ProtocolAdapter {
 public:
  ProtocolAdapter(const ProtocolAdapter&) = delete;
  ProtocolAdapter& operator=(const ProtocolAdapter&) = delete;

  /// Both as Python knows them, borrowed.
  [[nodiscard]] virtual PyObject* transport() const noexcept = 0;
  [[nodiscard]] virtual PyObject* protocol() const noexcept = 0;

  /// The loop was closed over the transport.
  virtual void was_left_open() const noexcept = 0;

 protected:
  ProtocolAdapter() = default;
  virtual ~ProtocolAdapter() = default;
};

}  // namespace tidegate::python
