// Transports of all kinds that move nothing and say of themselves what a test wants to hear: for tests that
// call protocols as no real transport would. Knows no rules.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/transport.hpp>

#include <any>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::checking {

/// What a transport of any kind says.
struct Said {
  bool closing = false;
  bool reading = true;
  std::size_t buffered_bytes = 0;
  WriteBufferLimits limits{.low = 10, .high = 20};
  std::shared_ptr<BaseProtocol> protocol = nullptr;
};

/// What all of them have in common; on the heap, ended by its last Ref.
template <typename Kind>
class FakeBase : public Kind {
 public:
  Said said;

  void retain() noexcept final { ++holders_; }
  void release() noexcept final {
    if (--holders_ == 0) delete this;
  }
  void close() override { said.closing = true; }
  [[nodiscard]] bool is_closing() const noexcept final { return said.closing; }
  [[nodiscard]] std::any get_extra_info(std::string_view) const final { return {}; }
  [[nodiscard]] Loop& loop() const noexcept final { std::terminate(); }
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) final { said.protocol = std::move(protocol); }
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const final { return said.protocol; }

 protected:
  FakeBase() = default;
  virtual ~FakeBase() = default;

 private:
  int holders_ = 0;
};

class FakeTransport final : public FakeBase<Transport> {
 public:
  void pause_reading() override { said.reading = false; }
  void resume_reading() override { said.reading = true; }
  [[nodiscard]] bool is_reading() const noexcept override { return said.reading; }
  void write(BytesView data) override { said.buffered_bytes += data.size(); }
  void write(Chunk chunk) override { said.buffered_bytes += chunk.size(); }
  void writelines(std::span<const BytesView>) override {}
  void writelines(std::vector<Chunk>) override {}
  void write_eof() override {}
  [[nodiscard]] bool can_write_eof() const noexcept override { return true; }
  void abort() override { close(); }
  void set_write_buffer_limits(const WriteBufferLimitOptions&) override {}
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return said.limits; }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override { return said.buffered_bytes; }
  [[nodiscard]] Endpoint peername() const override { return {}; }
  [[nodiscard]] Endpoint sockname() const override { return {}; }
  [[nodiscard]] SocketView socket() const noexcept override { return {}; }
};

class FakeDatagramTransport final : public FakeBase<DatagramTransport> {
 public:
  void sendto(BytesView) override {}
  void sendto(BytesView, const Endpoint&) override {}
  void abort() override { close(); }
  void set_write_buffer_limits(const WriteBufferLimitOptions&) override {}
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept override { return said.limits; }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept override { return said.buffered_bytes; }
  [[nodiscard]] Endpoint peername() const override { return {}; }
  [[nodiscard]] Endpoint sockname() const override { return {}; }
  [[nodiscard]] SocketView socket() const noexcept override { return {}; }
};

class FakeSubprocessTransport final : public FakeBase<SubprocessTransport> {
 public:
  std::optional<int> returncode;
  std::array<TransportRef, 3> pipes;

  void close() override { said.closing = true; }
  [[nodiscard]] int get_pid() const noexcept override { return 1; }
  [[nodiscard]] std::optional<int> get_returncode() const noexcept override { return returncode; }
  [[nodiscard]] TransportRef get_pipe_transport(int fd) const noexcept override {
    return pipes[static_cast<std::size_t>(fd)];
  }
  void send_signal(int) override {}
  void terminate() override {}
  void kill() override {}
};

}  // namespace tidegate::checking
