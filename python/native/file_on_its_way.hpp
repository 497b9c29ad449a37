// A file that a stream transport of Python's sends by the kernel, and the future that waits for it.
#pragma once

#include "python.hpp"
#include "transport/inner_transport.hpp"

#include <cstdint>
#include <memory>

namespace tidegate::python {

/// From `begin` to `end` the transport is the file's: what the program writes raises RuntimeError.
class FileOnItsWay : public std::enable_shared_from_this<FileOnItsWay> {
 public:
  /// `future`: of asyncio's; gets None or an exception when there is no more to be sent, unless it is
  /// cancelled. Throws as InnerTransport::begin_file.
  [[nodiscard]] static std::shared_ptr<FileOnItsWay> begin(transport::InnerTransport& transport,
                                                           int descriptor, std::uint64_t offset,
                                                           std::uint64_t most_bytes, PyObject* future);
  /// Stops it, where it was not sent; the transport is the program's again. Returns how much has been sent.
  std::uint64_t end();

  /// Who waits, borrowed; null where nobody does any more.
  [[nodiscard]] PyObject* future() const noexcept { return future_.get(); }

 private:
  void done(const Future<void>& sending);

  Ref<transport::InnerTransport> transport_;
  transport::FileToSend file_;
  std::uint64_t first_ = 0;
  Future<void> sending_;
  Owned future_;
};

}  // namespace tidegate::python
