#include "tls/openssl/alpn.hpp"

#include <new>
#include <stdexcept>

#include <fmt/format.h>

namespace tidegate::tls {

namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestList = 65535;

const unsigned char* bytes_of(const std::string& text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: characters are bytes here
}

unsigned length_of(const std::string& wire_form) noexcept { return static_cast<unsigned>(wire_form.size()); }

/// The first of ours that the client has too.
int choose(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_length,
           const unsigned char* offered, unsigned offered_length, void* ours) noexcept {
  const auto& wire_form = *static_cast<const std::string*>(ours);
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, chosen_length, bytes_of(wire_form), length_of(wire_form),
                                            offered, offered_length);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string alpn_wire_form(const std::vector<std::string>& protocols) {
  std::string wire_form;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > kLongestName) {
      throw std::invalid_argument(
          fmt::format("an ALPN protocol has {} bytes; 1 to {} are possible", protocol.size(), kLongestName));
    }
    wire_form += static_cast<char>(protocol.size());
    wire_form += protocol;
  }
  if (wire_form.size() > kLongestList) throw std::invalid_argument("there are too many ALPN protocols");
  return wire_form;
}

void offer_alpn(SSL_CTX* context, const std::string& wire_form) {
  if (wire_form.empty()) return;
  // The one function of OpenSSL's that is 0 when it is done.
  if (SSL_CTX_set_alpn_protos(context, bytes_of(wire_form), length_of(wire_form)) != 0)
    throw std::bad_alloc();
}

void choose_by_alpn(SSL_CTX* context, const std::string& wire_form) {
  if (wire_form.empty()) return;
  // The callback's argument is not const; `choose` reads it only.
  SSL_CTX_set_alpn_select_cb(context, &choose, const_cast<std::string*>(&wire_form));
}

}  // namespace tidegate::tls
