// A datagram: under way, and then in the queue of its receiver. Knows nothing of calls.
#pragma once

#include "base/intrusive_list.hpp"
#include "kernel/sim/event_queue.hpp"
#include "kernel/sim/socket_name.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace tidegate::kernel::sim {

struct Environment;
class DatagramSocket;

/// It owns itself while it is under way, and then its receiver's queue does.
class Datagram final : public base::ListNode<Datagram> {
 public:
  /// What it takes of a buffer beside its bytes, as on Linux; so that empty ones are bounded as well.
  static constexpr std::size_t kOverheadBytes = 512;

  /// From a socket that has a name. Throws std::bad_alloc.
  Datagram(Environment& environment, const std::shared_ptr<DatagramSocket>& sender, const msghdr& message);
  Datagram(const Datagram& other, Environment& environment);
  Datagram& operator=(const Datagram&) = delete;
  ~Datagram();

  /// To an address, and whoever is there when it arrives.
  static void send(std::unique_ptr<Datagram> datagram, const InternetName& to, TimePoint arrival) noexcept;
  /// To a Unix socket.
  static void send(std::unique_ptr<Datagram> datagram, const std::shared_ptr<DatagramSocket>& to,
                   TimePoint arrival) noexcept;

  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] const SocketName& from() const noexcept { return from_; }
  void set_from(const SocketName& from) noexcept { from_ = from; }
  [[nodiscard]] std::size_t cost() const noexcept { return bytes_.size() + kOverheadBytes; }

 private:
  static void launch(std::unique_ptr<Datagram> datagram, TimePoint arrival) noexcept;
  void happen();
  void arrive(std::unique_ptr<Datagram> self) noexcept;
  /// The sender's buffer has room for others.
  void free_sender() noexcept;

  Environment& environment_;
  std::vector<std::byte> bytes_;
  SocketName from_;
  InternetName to_;
  std::weak_ptr<DatagramSocket> sender_;
  /// Unix: the one that it was sent to.
  std::weak_ptr<DatagramSocket> receiver_;
  bool is_local_ = false;
  /// It has found nobody, and the news of that travels back.
  bool is_refused_ = false;
  bool burdens_sender_ = false;
  Happening happening_;
};

}  // namespace tidegate::kernel::sim
