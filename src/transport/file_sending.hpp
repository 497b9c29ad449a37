// A file on its way from the page cache to a stream transport's channel, a bounded part in each turn of the
// loop. Knows no protocols.
#pragma once

#include <tidegate/future.hpp>

#include "kernel/operation.hpp"
#include "transport/file_wait.hpp"
#include "transport/inner_transport.hpp"

#include <cstddef>

namespace tidegate::transport {

class StreamTransport;

/// One file after the other.
///
/// Lifetime: that of its transport, which does not go while an operation is in flight.
class FileSending final : public kernel::FileSendOperation {
 public:
  explicit FileSending(StreamTransport& transport) noexcept : transport_(transport) {}

  /// As InnerTransport::send_file.
  [[nodiscard]] Future<void> send(FileToSend& file);
  /// As InnerTransport::wait_for_room_for_file.
  [[nodiscard]] Future<void> wait_for_room();
  /// Of the connection.
  void check() const { wait_.check_connection(); }

  /// The transport's buffer has become smaller.
  void buffer_has_drained();
  /// The connection ends for that reason; none: it was closed.
  void connection_ends(const Error& reason);
  /// The end of this file, sent or not: nothing of it is touched any more.
  void end() noexcept;

 private:
  [[nodiscard]] kernel::FilePart part() override;
  void completed(int result) override;
  void begin();
  void sent(std::ptrdiff_t result);
  void refused(int error);
  void stop() noexcept;

  StreamTransport& transport_;
  FileToSend* file_ = nullptr;     // what is being sent
  bool waits_for_buffer_ = false;  // to be empty, before that begins
  FileWait wait_;
};

/// Whether an error of sendfile(2) says that the connection is broken, and not that something is wrong with
/// the file or the system.
[[nodiscard]] bool is_of_connection(int error) noexcept;

/// Whether it says that the kernel can't send from such a file, or to such a descriptor, by itself.
[[nodiscard]] bool is_of_kind_of_file(int error) noexcept;

}  // namespace tidegate::transport
