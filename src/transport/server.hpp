// A server: its listening sockets, its connections, and who waits for its end (contract C1).
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/server.hpp>

#include "base/intrusive_list.hpp"
#include "loop/loop_core.hpp"
#include "transport/acceptor.hpp"
#include "transport/securing.hpp"
#include "transport/stream_transport.hpp"
#include "transport/unix_socket_file.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::transport {

/// Lifetime: holds itself while it has sockets or connections.
class StreamServer final : public ServerInterface,
                           private ConnectionSink,
                           private ConnectionOwner,
                           private loop::Resident {
 public:
  struct Listening {
    int backlog = 100;
    bool keep_alive = false;
    Securing securing = {};
  };

  static Ref<StreamServer> make(loop::LoopCore& core, ProtocolFactory factory, Listening listening);

  /// Adds a bound socket; `file`: what it stands for in the file system, or nothing.
  void add(Socket socket, UnixSocketFile file = {});

  [[nodiscard]] std::vector<SocketView> sockets() const override;
  [[nodiscard]] bool is_serving() const noexcept override { return serving_; }
  void start_serving() override;
  [[nodiscard]] Task<void> serve_forever() override;
  void close() override;
  void close_clients() override;
  void abort_clients() override;
  [[nodiscard]] Task<void> wait_closed() override;
  [[nodiscard]] Loop& loop() const noexcept override { return core_.loop(); }
  void retain() noexcept override { ++holders_; }
  void release() noexcept override;

 private:
  using Connections = base::IntrusiveList<StreamTransport, loop::VisitorTag>;

  StreamServer(loop::LoopCore& core, ProtocolFactory factory, Listening listening);
  ~StreamServer() = default;

  static Task<void> serve_until_cancelled(Ref<StreamServer> server);
  static Task<void> wait_until_closed(Ref<StreamServer> server);

  [[nodiscard]] std::shared_ptr<BaseProtocol> make_protocol();
  void connection_accepted(OwnedFileDescriptor descriptor, Endpoint peer) override;
  void connection_made(StreamTransport& transport) noexcept override { connections_.push_back(transport); }
  void connection_ended(StreamTransport& transport) noexcept override;
  void loop_closed() noexcept override;
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] bool is_finished() const noexcept { return closed_ && connections_.empty(); }
  void hold_itself() noexcept;
  void finish_if_idle() noexcept;
  template <typename Act>
  void for_each_client(const Act& act);

  loop::LoopCore& core_;  // Lifetime: outlives every server that is not finished
  ProtocolFactory factory_;
  Listening listening_;
  std::vector<Acceptor*> acceptors_;  // ours until they are closed
  std::vector<UnixSocketFile> files_;
  Connections connections_;
  std::vector<Future<void>> waiting_for_end_;
  Future<void> serving_forever_;
  std::size_t holders_ = 0;
  bool serving_ = false;
  bool closed_ = false;
  bool holds_itself_ = false;
  bool in_factory_ = false;
};

}  // namespace tidegate::transport
