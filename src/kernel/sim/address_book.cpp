// Looking up who is where: see address_book.hpp.
#include "kernel/sim/address_book.hpp"

#include "kernel/sim/socket_options.hpp"
#include "net/socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/socket.h>

namespace tidegate::kernel::sim {

namespace {

constexpr std::uint16_t kFirstFreePort = 40000;
constexpr std::uint16_t kLastPort = 65535;

Endpoint numeric(std::string_view address) {
  const std::optional<Endpoint> endpoint = Endpoint::from_numeric_host(address, 0);
  if (!endpoint)
    throw std::invalid_argument(fmt::format(
        "\"{}\" is no numeric IPv4 or IPv6 address, as \"192.0.2.1\" or \"2001:db8::1\"", address));
  return *endpoint;
}

/// Whether something may be sent to both: the same address, or one stands for all of a family that the other
/// is of.
bool overlap(const InternetName& one, bool one_is_ipv6_only, const InternetName& other,
             bool other_is_ipv6_only) noexcept {
  if (one.octets == other.octets) return one.scope == other.scope;
  const auto covers = [](const Octets& all, bool only, const Octets& octets) {
    if (!is_any(all)) return false;
    return is_ipv4(all) ? is_ipv4(octets) : !(only && is_ipv4(octets));
  };
  return covers(one.octets, one_is_ipv6_only, other.octets) ||
         covers(other.octets, other_is_ipv6_only, one.octets);
}

/// How exactly a binding is meant by an address: 0 not at all.
int closeness(const Binding& binding, bool is_ipv6_only, const InternetName& at,
              const InternetName& from) noexcept {
  if (const InternetName* peer = binding.only_peer(); peer != nullptr) {
    const bool is_from_peer = peer->octets == from.octets && peer->port == from.port;
    return is_from_peer && binding.name().internet.octets == at.octets ? 4 : 0;
  }
  const Octets& own = binding.name().internet.octets;
  if (own == at.octets) return 3;
  if (!is_any(own)) return 0;
  if (is_ipv4(own)) return is_ipv4(at.octets) ? 2 : 0;
  if (!is_ipv4(at.octets)) return 2;
  return is_ipv6_only ? 0 : 1;
}

}  // namespace

Octets octets_of(std::string_view address) {
  SocketName name;
  const net::SocketAddress native = net::to_sockaddr(numeric(address));
  if (parse(AF_INET6, native.get(), native.length, name) != 0) throw std::invalid_argument("no address");
  return name.internet.octets;
}

void Binding::release() noexcept {
  if (is_bound()) book_->release(*this);
}

AddressBook::AddressBook() : next_port_(kFirstFreePort) {
  add_host("localhost", "127.0.0.1");
  add_host("localhost", "::1");
}

int AddressBook::bind(Binding& binding, SocketName name) noexcept {
  try {
    const int error = binding.options_.is_unix() ? bind_unix(binding, name) : bind_internet(binding, name);
    if (error != 0) return error;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  binding.name_ = name;
  binding.book_ = this;
  return 0;
}

int AddressBook::bind_unix(Binding& binding, SocketName& name) {
  if (name.local.length == 0) {
    const std::string given = fmt::format("{}{:05x}", '\0', next_unix_name_++);
    std::copy(given.begin(), given.end(), name.local.bytes.begin());
    name.local.length = static_cast<std::uint8_t>(given.size());
  }
  UnixBindings& bindings = bindings_of(name.local, binding.type_);
  const bool is_new = bindings.emplace(std::string(name.local.view()), &binding).second;
  return is_new ? 0 : -EADDRINUSE;
}

int AddressBook::bind_internet(Binding& binding, SocketName& name) {
  if (name.internet.port != 0) {
    if (is_in_use(binding, name.internet)) return -EADDRINUSE;
  } else {
    const std::uint16_t first = next_port_;
    do {
      name.internet.port = next_port_;
      next_port_ = next_port_ == kLastPort ? kFirstFreePort : static_cast<std::uint16_t>(next_port_ + 1);
      if (internet_.count({binding.type_, name.internet.port}) == 0) break;
      name.internet.port = 0;
    } while (next_port_ != first);
    if (name.internet.port == 0) return -EADDRINUSE;
  }
  internet_.emplace(std::pair(binding.type_, name.internet.port), &binding);
  return 0;
}

bool AddressBook::is_in_use(const Binding& binding, const InternetName& name) const noexcept {
  const auto [first, last] = internet_.equal_range({binding.type_, name.port});
  return std::any_of(first, last, [&](const auto& entry) {
    const Binding& other = *entry.second;
    const SocketOptions& options = binding.options_;
    if (!overlap(name, options.is_ipv6_only(), other.name_.internet, other.options_.is_ipv6_only()))
      return false;
    if (options.reuses_port() && other.options_.reuses_port()) return false;
    return !(options.reuses_address() && other.options_.reuses_address() && !other.listens());
  });
}

bool AddressBook::is_listened_beside(const Binding& binding) const noexcept {
  const auto [first, last] = internet_.equal_range({binding.type_, binding.name_.internet.port});
  return std::any_of(first, last, [&](const auto& entry) {
    const Binding& other = *entry.second;
    const bool share = binding.options_.reuses_port() && other.options_.reuses_port();
    return &other != &binding && other.listens() && !share &&
           overlap(binding.name_.internet, binding.options_.is_ipv6_only(), other.name_.internet,
                   other.options_.is_ipv6_only());
  });
}

Binding* AddressBook::find(int type, const InternetName& at, const InternetName& from) const noexcept {
  const auto at_port = internet_.equal_range({type, at.port});
  int closest = 0;
  std::uint16_t as_close = 0;
  const auto for_each = [&](const auto& look) {
    for (auto entry = at_port.first; entry != at_port.second; ++entry) {
      Binding& binding = *entry->second;
      if (type == SOCK_STREAM && !binding.listens()) continue;
      const int how_close = closeness(binding, binding.options_.is_ipv6_only(), at, from);
      if (how_close > 0) look(binding, how_close);
    }
  };
  for_each([&](Binding&, int how_close) {
    as_close =
        how_close > closest ? 1 : static_cast<std::uint16_t>(as_close + (how_close == closest ? 1 : 0));
    closest = std::max(closest, how_close);
  });
  if (closest == 0) return nullptr;
  auto left = static_cast<std::uint16_t>(from.port % as_close);
  Binding* found = nullptr;
  for_each([&](Binding& binding, int how_close) {
    if (how_close == closest && found == nullptr && left-- == 0) found = &binding;
  });
  return found;
}

Binding* AddressBook::find_listener(const InternetName& at, const InternetName& from) const noexcept {
  return find(SOCK_STREAM, at, from);
}

Binding* AddressBook::find_datagram_socket(const InternetName& at, const InternetName& from) const noexcept {
  return find(SOCK_DGRAM, at, from);
}

Binding* AddressBook::find_unix(const UnixName& name, int type) noexcept {
  const UnixBindings& bindings = bindings_of(name, type);
  const auto found = bindings.find(name.view());
  return found == bindings.end() ? nullptr : found->second;
}

AddressBook::UnixBindings& AddressBook::bindings_of(const UnixName& name, int type) noexcept {
  if (!name.is_abstract()) return unix_paths_;
  return type == SOCK_STREAM ? unix_streams_ : unix_datagrams_;
}

void AddressBook::release(Binding& binding) noexcept {
  binding.book_ = nullptr;
  if (binding.options_.is_unix()) {
    UnixBindings& bindings = bindings_of(binding.name_.local, binding.type_);
    bindings.erase(bindings.find(binding.name_.local.view()));
    return;
  }
  const auto [first, last] = internet_.equal_range({binding.type_, binding.name_.internet.port});
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second == &binding; });
  if (found != last) internet_.erase(found);
}

void AddressBook::add_host(std::string_view name, std::string_view address) {
  hosts_.emplace_back(std::string(name), numeric(address));
}

std::vector<Endpoint> AddressBook::addresses_of(std::string_view name) const {
  std::vector<Endpoint> addresses;
  for (const auto& [known, address] : hosts_) {
    if (known == name) addresses.push_back(address);
  }
  return addresses;
}

void AddressBook::cut(const Octets& address) {
  if (std::find(cut_.begin(), cut_.end(), address) == cut_.end()) cut_.push_back(address);
}

void AddressBook::mend(const Octets& address) noexcept {
  cut_.erase(std::remove(cut_.begin(), cut_.end(), address), cut_.end());
}

bool AddressBook::is_cut(const Octets& one, const Octets& other) const noexcept {
  return std::any_of(cut_.begin(), cut_.end(),
                     [&](const Octets& octets) { return octets == one || octets == other; });
}

}  // namespace tidegate::kernel::sim
