// Who is bound to which address, what hosts are called, and which addresses are cut off. Knows nothing of
// what the sockets do with it.
#pragma once

#include <tidegate/endpoint.hpp>

#include "kernel/sim/socket_name.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::kernel::sim {

class SocketOptions;
class AddressBook;

/// That a socket has a name: a member of the socket, which gives the name back when it ends.
class Binding {
 public:
  /// `owner`: whose it is, a StreamSocket's or a DatagramSocket's by `type`. Lifetime: `options` as long.
  Binding(void* owner, int type, const SocketOptions& options) noexcept
      : owner_(owner), type_(type), options_(options) {}
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;
  ~Binding() { release(); }

  [[nodiscard]] bool is_bound() const noexcept { return book_ != nullptr; }
  [[nodiscard]] const SocketName& name() const noexcept { return name_; }
  template <typename Socket>
  [[nodiscard]] Socket& owner() const noexcept {
    return *static_cast<Socket*>(owner_);
  }
  [[nodiscard]] bool is_of_type(int type) const noexcept { return type_ == type; }
  /// Whether it queues connections.
  [[nodiscard]] bool listens() const noexcept { return listens_; }
  void set_listens(bool listens) noexcept { listens_ = listens; }
  /// The only other end that it hears of (a connected datagram socket); null: anybody.
  [[nodiscard]] const InternetName* only_peer() const noexcept { return has_peer_ ? &peer_ : nullptr; }
  void set_peer(const InternetName& peer) noexcept {
    peer_ = peer;
    has_peer_ = true;
  }
  void forget_peer() noexcept { has_peer_ = false; }
  /// Which of its addresses it is, where it stands for all of them: where a connected socket sends from.
  void set_octets(const Octets& octets) noexcept { name_.internet.octets = octets; }
  void release() noexcept;

 private:
  friend class AddressBook;

  void* owner_;
  int type_;
  const SocketOptions& options_;
  AddressBook* book_ = nullptr;
  SocketName name_;
  InternetName peer_;
  bool listens_ = false;
  bool has_peer_ = false;
};

class AddressBook {
 public:
  AddressBook();
  AddressBook(const AddressBook&) = delete;
  AddressBook& operator=(const AddressBook&) = delete;

  // --- sockets -------------------------------------------------------------------------------------

  /// Enters it: port 0 becomes the next free one from 40000 on, a Unix socket without a name is given an
  /// abstract one. 0, -EADDRINUSE or -ENOMEM.
  [[nodiscard]] int bind(Binding& binding, SocketName name) noexcept;
  /// Whether another listener is in the way of its listening.
  [[nodiscard]] bool is_listened_beside(const Binding& binding) const noexcept;
  /// Who hears what comes `from` there: of several, the one that is most exactly meant; of those that share a
  /// port by SO_REUSEPORT one by the sender's port, always the same. Null: nobody.
  [[nodiscard]] Binding* find_listener(const InternetName& at, const InternetName& from) const noexcept;
  [[nodiscard]] Binding* find_datagram_socket(const InternetName& at,
                                              const InternetName& from) const noexcept;
  [[nodiscard]] Binding* find_unix(const UnixName& name, int type) noexcept;

  // --- hosts ---------------------------------------------------------------------------------------

  /// Throws std::invalid_argument for what is no numeric address; "localhost" is there already.
  void add_host(std::string_view name, std::string_view address);
  [[nodiscard]] std::vector<Endpoint> addresses_of(std::string_view name) const;

  // --- cables --------------------------------------------------------------------------------------

  void cut(const Octets& address);
  void mend(const Octets& address) noexcept;
  [[nodiscard]] bool is_cut(const Octets& one, const Octets& other) const noexcept;

 private:
  friend class Binding;
  using InternetBindings = std::multimap<std::pair<int, std::uint16_t>, Binding*>;
  using UnixBindings = std::map<std::string, Binding*, std::less<>>;

  [[nodiscard]] int bind_unix(Binding& binding, SocketName& name);
  [[nodiscard]] int bind_internet(Binding& binding, SocketName& name);
  [[nodiscard]] bool is_in_use(const Binding& binding, const InternetName& name) const noexcept;
  [[nodiscard]] Binding* find(int type, const InternetName& at, const InternetName& from) const noexcept;
  /// A path is one file, whatever the type of its socket; abstract names are told apart by it.
  [[nodiscard]] UnixBindings& bindings_of(const UnixName& name, int type) noexcept;
  void release(Binding& binding) noexcept;

  InternetBindings internet_;
  UnixBindings unix_paths_;
  UnixBindings unix_streams_;
  UnixBindings unix_datagrams_;
  std::vector<std::pair<std::string, Endpoint>> hosts_;
  std::vector<Octets> cut_;
  std::uint16_t next_port_;
  std::uint32_t next_unix_name_ = 0;
};

/// The octets of a numeric address. Throws std::invalid_argument that names the text.
[[nodiscard]] Octets octets_of(std::string_view address);

}  // namespace tidegate::kernel::sim
