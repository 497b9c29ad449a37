#include "tls/openssl/server_name.hpp"

#include <tidegate/endpoint.hpp>

#include "net/printable.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

namespace tidegate::tls {

namespace {

[[noreturn]] void throw_no_name(std::string_view server_hostname, std::string_view reason) {
  throw std::invalid_argument(
      fmt::format("server_hostname '{}' {}", net::printable(server_hostname), reason));
}

void check_name(std::string_view name) {
  if (name.empty()) throw_no_name(name, "is empty");
  if (name.size() > TLSEXT_MAXLEN_host_name) throw_no_name(name, "is longer than 255 bytes");
  // OpenSSL takes a leading dot for "every name below".
  if (name.front() == '.') throw_no_name(name, "begins with a dot");
  for (const char character : name) {
    const auto value = static_cast<unsigned char>(character);
    if (value <= 0x20 || value == 0x7f) throw_no_name(name, "has a space or a control character in it");
    if (value > 0x7f) throw_no_name(name, "is not in ASCII (the IDNA form, xn--..., is expected)");
  }
}

/// `host` without the interface of "fe80::1%eth0", which no certificate knows.
std::string_view without_scope(std::string_view host) noexcept {
  return host.find(':') == std::string_view::npos ? host : host.substr(0, host.find('%'));
}

bool is_address(std::string_view host) {
  return Endpoint::from_numeric_host(without_scope(host), Port(0)).has_value();
}

void set_address(SSL* ssl, std::string_view address, bool has_to_match) {
  if (!has_to_match) return;
  const std::string text(without_scope(address));
  // The text was an address a moment ago.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text.c_str()) != 1) throw std::bad_alloc();
}

void set_name(SSL* ssl, std::string_view name, bool has_to_match) {
  check_name(name);
  // An absolute name's last dot is for the resolver only (RFC 6066).
  if (name.back() == '.') name.remove_suffix(1);
  check_name(name);
  std::string text(name);
  // What the macro SSL_set_tlsext_host_name is, without its old-style cast.
  if (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, text.data()) != 1) {
    throw std::bad_alloc();
  }
  if (!has_to_match) return;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (SSL_set1_host(ssl, text.c_str()) != 1) throw std::bad_alloc();
}

/// Takes a number of two bytes and as many bytes as that says from the front of `rest`. Empty where there are
/// not so many.
std::string_view take_vector(std::string_view& rest) noexcept {
  if (rest.size() < 2) return {};
  const auto high = static_cast<unsigned char>(rest[0]);
  const auto low = static_cast<unsigned char>(rest[1]);
  const std::size_t size = static_cast<std::size_t>(high) << 8U | low;
  rest.remove_prefix(2);
  if (rest.size() < size) return {};
  const std::string_view vector = rest.substr(0, size);
  rest.remove_prefix(size);
  return vector;
}

}  // namespace

void set_server_name(SSL* ssl, std::string_view server_hostname, bool has_to_match) {
  if (is_address(server_hostname)) {
    set_address(ssl, server_hostname, has_to_match);  // no name is sent along (RFC 6066)
  } else {
    set_name(ssl, server_hostname, has_to_match);
  }
}

std::string name_in_client_hello(SSL* ssl) {
  const unsigned char* extension = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) != 1) return {};
  std::string_view rest(reinterpret_cast<const char*>(extension), size);  // NOLINT: bytes are characters here

  // A list of kinds and names, of which one kind was ever defined, and one name of a kind is allowed.
  std::string_view list = take_vector(rest);
  if (list.empty() || list.front() != TLSEXT_NAMETYPE_host_name) return {};
  list.remove_prefix(1);
  const std::string_view name = take_vector(list);
  if (name.size() > TLSEXT_MAXLEN_host_name || name.find('\0') != std::string_view::npos) return {};
  return std::string(name);
}

}  // namespace tidegate::tls
