// Transports: what moves bytes. The loop makes them; a program writes to them and pauses them.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/chunk.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/socket.hpp>

#include <any>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tidegate {

class Loop;

/// The two marks between which a write buffer breathes, in bytes (contract F2). In asyncio's order: (low,
/// high).
struct WriteBufferLimits {
  std::size_t low = 0;
  std::size_t high = 0;
  friend bool operator==(const WriteBufferLimits&, const WriteBufferLimits&) = default;
};

/// New marks; what is left out follows from the other: high = 4 * low, low = high / 4, or 64 KiB and a
/// quarter of it (F2).
struct WriteBufferLimitOptions {
  std::optional<std::size_t> high = std::nullopt;
  std::optional<std::size_t> low = std::nullopt;
};

/// What every transport can do.
///
/// Lifetime: the loop keeps an open transport alive; a Ref that the program keeps is safe to call for ever.
/// Thread: that of the loop, for every member.
class BaseTransport : public Referenced {
 public:
  /// Stops reading at once, sends what is buffered, then ends the connection: `connection_lost` with an empty
  /// reason comes soon, never from inside this call (contract L4). Idempotent.
  virtual void close() = 0;

  /// True from `close()`, `abort()`, a fatal error, or an end of file that closes, on; for ever (L6).
  [[nodiscard]] virtual bool is_closing() const noexcept = 0;

  /// What is known about the connection under asyncio's names: "peername" and "sockname" (Endpoint), "socket"
  /// (SocketView), "pipe" (FileDescriptor; of a pipe), "subprocess" (int, its process id); of TLS also
  /// "peercert" (TlsCertificate), "cipher" (TlsCipher), "compression" (std::string, always empty),
  /// "sslcontext" (TlsContext) and "ssl_object" (std::shared_ptr<const TlsObject>) (T5). An empty std::any
  /// where there is nothing of that name. The typed accessors say the same at compile time.
  [[nodiscard]] virtual std::any get_extra_info(std::string_view name) const = 0;

  /// The loop that runs this transport. REQUIRES: the loop still exists.
  [[nodiscard]] virtual Loop& loop() const noexcept = 0;

 protected:
  ~BaseTransport() = default;
};

/// A two-way byte stream: TCP, a Unix socket, or TLS over one of them.
class Transport : public BaseTransport {
 public:
  // --- reading -----------------------------------------------------------------------------------

  /// No `data_received`, `get_buffer` or `eof_received` after this returns, not even for bytes that were
  /// received already (R2). Idempotent; does nothing when closing.
  virtual void pause_reading() = 0;

  /// Delivers again, in order, soon. Idempotent; does nothing when closing.
  virtual void resume_reading() = 0;

  /// `!is_closing()` and not paused (R2).
  [[nodiscard]] virtual bool is_reading() const noexcept = 0;

  // --- writing -----------------------------------------------------------------------------------

  /// Sends bytes: never blocks, keeps the order, never cuts (W1). The memory is the caller's again when it
  /// returns (W2). May call `pause_writing` before it returns (F1). Ignored after the connection was lost;
  /// throws InvalidStateError after `write_eof`.
  virtual void write(BytesView data) = 0;

  /// Sends bytes that are handed over: kept alive and uncopied until the kernel took them, then released once
  /// (W2).
  virtual void write(Chunk chunk) = 0;

  /// The same bytes as one `write` of all of them in a row, with the same flow control (W4).
  virtual void writelines(std::span<const BytesView> pieces) = 0;

  /// As the other, handing the pieces over (W4, W2).
  virtual void writelines(std::vector<Chunk> chunks) = 0;

  /// Half-closes: the other end sees the end of file after all buffered bytes; data may still be received.
  /// Idempotent, and nothing when closing (W5). Throws NotSupportedError where `can_write_eof()` is false.
  virtual void write_eof() = 0;

  /// Whether `write_eof` is possible here (W5).
  [[nodiscard]] virtual bool can_write_eof() const noexcept = 0;

  /// Drops what is buffered and ends the connection; `connection_lost` with an empty reason comes soon (L5).
  virtual void abort() = 0;

  // --- flow control ------------------------------------------------------------------------------

  /// Sets the marks. Throws std::invalid_argument unless high >= low, and changes nothing then (F3). May call
  /// `pause_writing` before it returns (F5).
  virtual void set_write_buffer_limits(const WriteBufferLimitOptions& limits) = 0;

  /// The present marks (F5).
  [[nodiscard]] virtual WriteBufferLimits get_write_buffer_limits() const noexcept = 0;

  /// Bytes that the kernel has not taken yet; O(1) (F5, F7).
  [[nodiscard]] virtual std::size_t get_write_buffer_size() const noexcept = 0;

  // --- who and what ------------------------------------------------------------------------------

  /// Hands the connection to another protocol from the next callback on (L8). `connection_made` is not called
  /// on it. Throws std::invalid_argument unless it is a Protocol or a BufferedProtocol.
  virtual void set_protocol(std::shared_ptr<BaseProtocol> protocol) = 0;

  /// The present protocol; null after `connection_lost` (L8).
  [[nodiscard]] virtual std::shared_ptr<BaseProtocol> get_protocol() const = 0;

  /// The other end's address as it was when the connection was made.
  [[nodiscard]] virtual Endpoint peername() const = 0;

  /// This end's address.
  [[nodiscard]] virtual Endpoint sockname() const = 0;

  /// The socket, until `connection_lost` has returned (L9); without a descriptor afterwards.
  [[nodiscard]] virtual SocketView socket() const noexcept = 0;

 protected:
  ~Transport() = default;
};

}  // namespace tidegate
