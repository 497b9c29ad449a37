// The other end of a connection as the kernel shows it: a socket that a test drives by plain system calls, so
// that it can do what no transport would. Knows nothing of the library's transports.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace tidegate::testing {

/// A connected stream socket, non-blocking throughout. A call that the kernel refuses where it must not fails
/// the test. What moves bytes is virtual: TlsPeer does the same over TLS.
class RawPeer {
 public:
  /// No socket. REQUIRES of every member below: not this.
  RawPeer() noexcept = default;
  /// Takes over a connected socket.
  explicit RawPeer(OwnedFileDescriptor descriptor);
  RawPeer(RawPeer&&) noexcept = default;
  RawPeer& operator=(RawPeer&&) noexcept = default;
  virtual ~RawPeer() = default;

  [[nodiscard]] FileDescriptor descriptor() const noexcept { return descriptor_.get(); }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_.valid(); }

  /// Sends what the kernel takes at this moment and returns how much that was; 0 also where the connection is
  /// broken.
  virtual std::size_t send_some(BytesView bytes);
  /// Whether the last `send_some` found the connection broken.
  [[nodiscard]] bool send_failed() const noexcept { return send_failed_; }
  /// Sends all of it; fails the test where the kernel does not take it at once.
  void send(BytesView bytes);
  /// Sends one byte out of band (TCP).
  void send_out_of_band(char byte);
  /// Sends `text` together with descriptor numbers (SCM_RIGHTS, Unix).
  void send_with_descriptor(std::string_view text, FileDescriptor passed);

  /// Receives what is there, `limit_bytes` at most, into `received`; returns how much that was.
  virtual std::size_t receive(std::size_t limit_bytes = std::numeric_limits<std::size_t>::max());
  /// As `receive`, until it has `size_bytes` bytes in all, or saw the end.
  [[nodiscard]] bool has(std::size_t size_bytes);
  /// As `receive`, and whether the end of file, or an error, has come.
  [[nodiscard]] bool at_end();

  /// Everything received so far.
  std::string received;
  /// The end of file was received.
  bool saw_eof = false;
  /// The errno that receiving ended with; 0 for none.
  int error = 0;

  /// Half-closes: the other end sees an end of file.
  virtual void shutdown_write();
  virtual void close() noexcept { descriptor_.reset(); }
  /// Closes with a reset rather than an end of file (TCP; a Unix socket resets where it is closed with bytes
  /// unread).
  void reset();
  void set_option(int level, int name, int value);
  /// From now on drops every packet that comes, as a machine does that is gone (TCP).
  void play_dead();

 protected:
  /// Hands bytes to the kernel as they are; returns how many it took.
  std::size_t put_on_wire(BytesView bytes);
  /// Adds what the kernel has, `limit_bytes` at most, to `bytes`; returns how much that was. Sets `error`.
  std::size_t take_from_wire(std::string& bytes, std::size_t limit_bytes);
  /// The end of file was received, whatever the bytes before it say.
  bool wire_has_ended_ = false;

 private:
  OwnedFileDescriptor descriptor_;
  bool send_failed_ = false;
};

}  // namespace tidegate::testing
