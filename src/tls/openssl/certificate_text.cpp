#include "tls/openssl/certificate_text.hpp"

#include "tls/openssl/handles.hpp"
#include "tls/openssl/openssl_errors.hpp"

#include <array>
#include <ctime>
#include <limits>
#include <new>

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

namespace tidegate::tls {

namespace {

using TimePoint = std::chrono::system_clock::time_point;
using NumberHandle = std::unique_ptr<BIGNUM, FreeWith<&BN_free>>;
using NamesHandle = std::unique_ptr<GENERAL_NAMES, FreeWith<&GENERAL_NAMES_free>>;

std::string_view text_of(const ASN1_STRING* string) noexcept {
  const auto* characters = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));  // NOLINT
  return {characters, static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string name_text(const X509_NAME* name) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr) throw std::bad_alloc();
  // As RFC 2253 has it, but for letters beyond ASCII: those stay, in UTF-8, instead of becoming \C3\A4.
  constexpr unsigned long kFormat = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  // It fails where the name has characters that are none; what came before them is kept.
  X509_NAME_print_ex(memory.get(), name, 0, kFormat);
  char* characters = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &characters);
  return size > 0 ? std::string(characters, static_cast<std::size_t>(size)) : std::string();
}

std::string serial_text(const ASN1_INTEGER* serial) {
  const NumberHandle number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (number == nullptr) throw std::bad_alloc();
  char* const digits = BN_bn2hex(number.get());
  if (digits == nullptr) throw std::bad_alloc();
  std::string text = digits;
  OPENSSL_free(digits);
  return text;
}

/// Dates go on to the year 9999, the clock's own only to 2262: whatever lies beyond is its last moment.
TimePoint time_of(const ASN1_TIME* time) noexcept {
  std::tm date{};
  if (ASN1_TIME_to_tm(time, &date) != 1) return {};
  const std::chrono::seconds since_epoch(::timegm(&date));
  const auto last = std::chrono::floor<std::chrono::seconds>(TimePoint::max().time_since_epoch());
  const auto first = std::chrono::ceil<std::chrono::seconds>(TimePoint::min().time_since_epoch());
  if (since_epoch >= last) return TimePoint::max();
  if (since_epoch <= first) return TimePoint::min();
  return TimePoint(since_epoch);
}

/// Empty where it is no address.
std::string address_text(const ASN1_OCTET_STRING* address) {
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* done = ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
  return done != nullptr ? done : "";
}

void read_alternative_names(const X509* certificate, TlsCertificate& result) {
  const NamesHandle names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int index = 0; index < sk_GENERAL_NAME_num(names.get()); ++index) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), index);
    if (name->type == GEN_DNS) {
      result.dns_names.emplace_back(text_of(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      std::string address = address_text(name->d.iPAddress);
      if (!address.empty()) result.ip_addresses.push_back(std::move(address));
    }
  }
}

std::vector<std::byte> der_of(const X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0) throw std::bad_alloc();
  std::vector<std::byte> der(static_cast<std::size_t>(size));
  auto* end = reinterpret_cast<unsigned char*>(der.data());  // NOLINT: bytes are characters there
  i2d_X509(certificate, &end);
  return der;
}

}  // namespace

TlsCertificate read_certificate(const X509* certificate) {
  TlsCertificate result;
  result.subject = name_text(X509_get_subject_name(certificate));
  result.issuer = name_text(X509_get_issuer_name(certificate));
  result.serial_number = serial_text(X509_get0_serialNumber(certificate));
  result.not_before = time_of(X509_get0_notBefore(certificate));
  result.not_after = time_of(X509_get0_notAfter(certificate));
  read_alternative_names(certificate, result);
  result.der = der_of(certificate);
  forget_errors();  // of what was left out
  return result;
}

}  // namespace tidegate::tls
