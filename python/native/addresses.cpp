// Addresses between Python and the kernel: see addresses.hpp.
#include "addresses.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace tidegate::python {

namespace {

template <typename Kind>
Kind read_as(const net::SocketAddress& address) noexcept {
  Kind kind;
  std::memcpy(&kind, &address.storage, sizeof(kind));
  return kind;
}

template <typename Kind>
net::SocketAddress written(const Kind& kind, std::size_t length = sizeof(Kind)) noexcept {
  net::SocketAddress address;
  std::memcpy(&address.storage, &kind, length);
  address.length = static_cast<socklen_t>(length);
  return address;
}

// --- to Python ---------------------------------------------------------------------------------------------

Owned ascii_text(std::string_view text) {
  Owned object = Owned::take(PyUnicode_New(static_cast<Py_ssize_t>(text.size()), 127));
  if (object) std::memcpy(PyUnicode_1BYTE_DATA(object.get()), text.data(), text.size());
  return object;
}

/// inet_ntop would have a format string read for each.
Owned dotted(const in_addr& address) {
  std::array<unsigned char, sizeof(in_addr)> octets{};
  std::memcpy(octets.data(), &address, sizeof(address));
  std::array<char, INET_ADDRSTRLEN> text{};
  char* end = text.data();
  for (const unsigned char octet : octets) {
    if (end != text.data()) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), octet).ptr;
  }
  return ascii_text({text.data(), static_cast<std::size_t>(end - text.data())});
}

Owned ipv4_for_python(const sockaddr_in& address) {
  const Owned host = dotted(address.sin_addr);
  const Owned port = Owned::take(PyLong_FromLong(ntohs(address.sin_port)));
  return host && port ? Owned::take(PyTuple_Pack(2, host.get(), port.get())) : Owned();
}

Owned ipv6_for_python(const sockaddr_in6& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  return Owned::take(Py_BuildValue("(siII)", text.data(), static_cast<int>(ntohs(address.sin6_port)),
                                   static_cast<unsigned>(ntohl(address.sin6_flowinfo)),
                                   static_cast<unsigned>(address.sin6_scope_id)));
}

Owned unix_for_python(const net::SocketAddress& address) {
  const auto unix_address = read_as<sockaddr_un>(address);
  constexpr std::size_t kBefore = offsetof(sockaddr_un, sun_path);
  const std::size_t length = address.length > kBefore ? address.length - kBefore : 0;
  const char* const path = unix_address.sun_path;
  if (length > 0 && path[0] == '\0')
    return Owned::take(PyBytes_FromStringAndSize(path, static_cast<Py_ssize_t>(length)));
  return Owned::take(
      PyUnicode_DecodeFSDefaultAndSize(path, static_cast<Py_ssize_t>(::strnlen(path, length))));
}

// --- from Python -------------------------------------------------------------------------------------------

/// None for what is no plain text.
std::optional<std::string_view> ascii_of(PyObject* text) noexcept {
  if (!PyUnicode_CheckExact(text) || !PyUnicode_IS_COMPACT_ASCII(text)) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)),
                          static_cast<std::size_t>(PyUnicode_GET_LENGTH(text)));
}

template <typename Number>
std::optional<Number> number_of(PyObject* object, unsigned long most) {
  if (!PyLong_CheckExact(object)) return std::nullopt;
  const unsigned long number = PyLong_AsUnsignedLong(object);
  if (number == static_cast<unsigned long>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return std::nullopt;
  }
  if (number > most) return std::nullopt;
  return static_cast<Number>(number);
}

std::optional<in_port_t> port_of(PyObject* object) {
  const auto port = number_of<in_port_t>(object, 65535);
  return port ? std::optional(htons(*port)) : std::nullopt;
}

std::optional<net::SocketAddress> plain_ipv4(PyObject* tuple) {
  if (PyTuple_GET_SIZE(tuple) != 2) return std::nullopt;
  const auto host = ascii_of(PyTuple_GET_ITEM(tuple, 0));
  const auto port = port_of(PyTuple_GET_ITEM(tuple, 1));
  if (!host || !port) return std::nullopt;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = *port;
  if (host->empty()) {
    address.sin_addr.s_addr = htonl(INADDR_ANY);
  } else if (*host == "<broadcast>") {
    address.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  } else if (::inet_pton(AF_INET, host->data(), &address.sin_addr) != 1) {
    return std::nullopt;
  }
  return written(address);
}

std::optional<net::SocketAddress> plain_ipv6(PyObject* tuple) {
  const Py_ssize_t size = PyTuple_GET_SIZE(tuple);
  if (size < 2 || size > 4) return std::nullopt;
  const auto host = ascii_of(PyTuple_GET_ITEM(tuple, 0));
  const auto port = port_of(PyTuple_GET_ITEM(tuple, 1));
  if (!host || !port) return std::nullopt;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = *port;
  if (::inet_pton(AF_INET6, host->data(), &address.sin6_addr) != 1) return std::nullopt;
  if (size > 2) {
    const auto flow_info = number_of<std::uint32_t>(PyTuple_GET_ITEM(tuple, 2), 0xfffff);
    if (!flow_info) return std::nullopt;
    address.sin6_flowinfo = htonl(*flow_info);
  }
  if (size > 3) {
    const auto scope = number_of<std::uint32_t>(PyTuple_GET_ITEM(tuple, 3), 0xffffffff);
    if (!scope) return std::nullopt;
    address.sin6_scope_id = *scope;
  }
  return written(address);
}

/// A path, or an abstract name behind a NUL.
std::optional<net::SocketAddress> plain_unix(PyObject* bytes) {
  const std::string_view path(PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes)));
  sockaddr_un address{};
  const bool is_abstract = path.starts_with('\0');
  const std::size_t most = is_abstract ? sizeof(address.sun_path) : sizeof(address.sun_path) - 1;
  if (path.empty() || path.size() > most) return std::nullopt;
  if (!is_abstract && path.find('\0') != std::string_view::npos) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return written(address, offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
}

}  // namespace

Owned address_for_python(const net::SocketAddress& address) {
  if (address.length == 0) return Owned::share(Py_None);
  switch (address.storage.ss_family) {
    case AF_INET:
      return ipv4_for_python(read_as<sockaddr_in>(address));
    case AF_INET6:
      return ipv6_for_python(read_as<sockaddr_in6>(address));
    case AF_UNIX:
      return unix_for_python(address);
    default:
      return Owned::share(Py_None);
  }
}

std::optional<net::SocketAddress> plain_address(PyObject* address, int family) {
  if (family == AF_UNIX) {
    if (PyBytes_CheckExact(address)) return plain_unix(address);
    if (!PyUnicode_CheckExact(address)) return std::nullopt;
    const Owned bytes = Owned::take(PyUnicode_EncodeFSDefault(address));
    if (bytes) return plain_unix(bytes.get());
    PyErr_Clear();
    return std::nullopt;
  }
  if (!PyTuple_CheckExact(address)) return std::nullopt;
  return family == AF_INET ? plain_ipv4(address) : family == AF_INET6 ? plain_ipv6(address) : std::nullopt;
}

}  // namespace tidegate::python
