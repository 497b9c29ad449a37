// A pipe: its bytes, and its two ends. Knows nothing of time, for a pipe takes none.
#pragma once

#include "kernel/sim/byte_queue.hpp"
#include "kernel/sim/file.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidegate::kernel::sim {

struct Environment;

/// What both ends share.
struct Pipe {
  ByteQueue bytes;
  std::size_t capacity = std::size_t{64} * 1024;
  bool has_reader = true;
  bool has_writer = true;
};

class PipeEnd final : public File {
 public:
  enum class Kind : std::uint8_t { read, write };

  PipeEnd(Environment& environment, std::shared_ptr<Pipe> pipe, Kind kind) noexcept;

  [[nodiscard]] std::ptrdiff_t receive(msghdr& message, int flags) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(const msghdr& message) noexcept override;
  [[nodiscard]] short poll() const noexcept override;
  void close() noexcept override;
  [[nodiscard]] std::uint32_t name() const noexcept override { return name_; }
  [[nodiscard]] SocketFile* as_socket() noexcept override { return nullptr; }
  [[nodiscard]] PipeEnd* as_pipe() noexcept override { return this; }

  [[nodiscard]] bool is_read_end() const noexcept { return kind_ == Kind::read; }
  /// As F_GETPIPE_SZ and F_SETPIPE_SZ.
  [[nodiscard]] int capacity() const noexcept { return static_cast<int>(pipe_->capacity); }
  [[nodiscard]] int set_capacity(int bytes) noexcept;

 private:
  Environment& environment_;
  std::shared_ptr<Pipe> pipe_;
  std::uint32_t name_;
  Kind kind_;
};

}  // namespace tidegate::kernel::sim
