// The writing half of a stream: sends, and waits where the peer does not keep up. See streams.hpp for where
// streams come from.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/chunk.hpp>
#include <tidegate/future.hpp>
#include <tidegate/task.hpp>
#include <tidegate/tls.hpp>
#include <tidegate/transport.hpp>

#include <any>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tidegate {

struct StartTlsOptions;

namespace detail {
class StreamOutput;
}

/// What is sent to a peer: asyncio's `StreamWriter`. A handle: copies are the same stream.
///
///     writer.write(data);
///     co_await writer.drain();
///
/// Lifetime: when the last handle of the stream's writer and of its reader has gone, the stream is closed as
/// by `close`: what was written is still sent. (asyncio closes, too, when it collects the writer, and warns;
/// nobody can say there when that is.) The streams of a Process stay open.
/// Thread: that of the loop.
class StreamWriter {
 public:
  /// No stream. REQUIRES of every member below: not this.
  StreamWriter() noexcept = default;

  /// Sends bytes: never waits. As Transport's (W1, W2), also in what it throws.
  void write(BytesView data) const { transport()->write(data); }
  void write(Chunk chunk) const { transport()->write(std::move(chunk)); }
  /// The same bytes as one write of all of them in a row (W4).
  void writelines(std::span<const BytesView> pieces) const { transport()->writelines(pieces); }
  void writelines(std::vector<Chunk> chunks) const { transport()->writelines(std::move(chunks)); }

  /// Waits until the write buffer has drained to its low mark, where it went over the high one; else it is
  /// done at once, and costs nothing. Throws what the connection failed with, or OsError with ECONNRESET
  /// ("Connection lost") where it has ended. Any number of tasks may wait at a time.
  [[nodiscard]] Future<void> drain() const;

  /// Half-closes: the peer sees the end after everything that was written (W5). Throws NotSupportedError
  /// where `can_write_eof()` is false, as over TLS.
  void write_eof() const { transport()->write_eof(); }
  [[nodiscard]] bool can_write_eof() const noexcept { return transport()->can_write_eof(); }

  /// Ends the stream, reading included, once what was written has been sent (L4). To know when that is so,
  /// wait for `wait_closed`.
  void close() const { transport()->close(); }
  [[nodiscard]] bool is_closing() const noexcept { return transport()->is_closing(); }
  /// Returns when the stream has ended; at once where it has. Throws what it failed with.
  [[nodiscard]] Future<void> wait_closed() const;

  /// Secures the stream (contract T6): waits as `drain`, then shakes hands as the client or the server that
  /// `context` is for. Bytes that have arrived and were not read yet are taken for a part of the handshake
  /// (they are `options.received`, which is not to be set), never for something that was protected. The
  /// stream is not to be read or written meanwhile. Throws as `Loop::start_tls`; the stream has failed then.
  [[nodiscard]] Task<> start_tls(const TlsContext& context) const;
  [[nodiscard]] Task<> start_tls(const TlsContext& context, const StartTlsOptions& options) const;

  /// What is known about the connection; see BaseTransport.
  [[nodiscard]] std::any get_extra_info(std::string_view name) const {
    return transport()->get_extra_info(name);
  }
  /// What moves the bytes; another one after `start_tls`.
  [[nodiscard]] const TransportRef& transport() const noexcept;

  explicit operator bool() const noexcept { return output_ != nullptr; }
  /// Whether both are the same stream.
  friend bool operator==(const StreamWriter&, const StreamWriter&) = default;

  /// For the library's own parts.
  explicit StreamWriter(std::shared_ptr<detail::StreamOutput> output) noexcept : output_(std::move(output)) {}

 private:
  std::shared_ptr<detail::StreamOutput> output_;
};

}  // namespace tidegate
