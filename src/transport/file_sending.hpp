// A file on its way out of a stream transport: what is buffered leaves first, then the kernel sends from the
// page cache, a bounded part in each turn of the loop. Knows no protocols.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>

#include "kernel/operation.hpp"
#include "transport/inner_transport.hpp"

#include <cstddef>
#include <exception>

namespace tidegate::transport {

class StreamTransport;

/// One file at a time, one after the other. At any moment at most one of its futures is pending.
///
/// Lifetime: that of its transport, and a transport with an operation in flight does not go.
class FileSending final : public kernel::FileSendOperation {
 public:
  explicit FileSending(StreamTransport& transport) noexcept : transport_(transport) {}

  /// As InnerTransport's.
  [[nodiscard]] Future<void> wait_for_drain(std::size_t at_most_bytes);
  [[nodiscard]] Future<void> send(FileToSend& file);

  /// So much is buffered now.
  void drained_to(std::size_t size_bytes);

  /// The connection ends for that reason (none: it was closed), and what is asked for from here on fails with
  /// it.
  void fail(const Error& reason);
  /// Throws what `fail` has left.
  void check() const;

  /// The end of this file, sent or not: nothing of it is touched any more.
  void end() noexcept;

 private:
  [[nodiscard]] kernel::FilePart part() override;
  void completed(int result) override;
  [[nodiscard]] const Future<void>& wait();
  void sent(std::ptrdiff_t result);
  void refused(int error);
  void finish(std::exception_ptr failure = nullptr);
  void stop() noexcept;

  StreamTransport& transport_;
  FileToSend* file_ = nullptr;  // what is being sent
  std::size_t at_most_bytes_ = 0;
  Future<void> waiting_;  // none where nobody waits
  std::exception_ptr failure_;
};

/// Whether an error of sendfile(2) says that the connection is broken, and not that something is wrong with
/// the file or the system.
[[nodiscard]] bool is_of_connection(int error) noexcept;

/// Whether it says that the kernel can't send from such a file, or to such a descriptor, by itself.
[[nodiscard]] bool is_of_kind_of_file(int error) noexcept;

}  // namespace tidegate::transport
