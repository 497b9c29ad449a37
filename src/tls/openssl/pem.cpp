#include "tls/openssl/pem.hpp"

#include <tidegate/descriptor.hpp>
#include <tidegate/error.hpp>

#include "net/printable.hpp"
#include "tls/openssl/openssl_errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

namespace tidegate::tls {

namespace {

/// More than every authority of the world in one file; a wrong path must not fill the memory.
constexpr std::size_t kLongestFile = 16U << 20U;

[[noreturn]] void throw_unreadable(int error, const std::string& origin) {
  throw OsError({error, std::system_category()}, "read " + origin);
}

BioHandle reader_of(const PemText& pem) {
  if (pem.text.size() > INT_MAX) throw TlsError(TlsErrc::bad_credentials, pem.origin + " is too long");
  BioHandle bio(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

/// PEM says that a text has ended by failing to find a further beginning.
bool text_has_ended() noexcept {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/// What an encrypted key asks for its password.
struct PasswordDesk {
  const std::string& password;
  bool was_asked = false;

  static int ask(char* memory, int size, int /*is_for_writing*/, void* desk) noexcept {
    auto& self = *static_cast<PasswordDesk*>(desk);
    self.was_asked = true;
    if (self.password.empty() || self.password.size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(memory, self.password.data(), self.password.size());
    return static_cast<int>(self.password.size());
  }
};

[[noreturn]] void throw_unusable_key(const PemText& pem, const PasswordDesk& desk) {
  // OpenSSL says "unsupported" of whatever it finds, also of nothing.
  if (pem.text.find("PRIVATE KEY-----") == std::string::npos) {
    forget_errors();
    throw TlsError(TlsErrc::bad_credentials, pem.origin + " holds no private key (PEM is expected)");
  }
  if (desk.was_asked && desk.password.empty()) {
    forget_errors();
    throw TlsError(TlsErrc::bad_credentials,
                   fmt::format("the private key of {} is encrypted, and no password is given", pem.origin));
  }
  if (desk.was_asked) {
    throw_openssl_error(
        TlsErrc::bad_credentials,
        fmt::format("the private key of {} can't be decrypted with the password given", pem.origin));
  }
  throw_openssl_error(
      TlsErrc::bad_credentials,
      fmt::format("the private key of {} is broken or of a kind that is not known", pem.origin));
}

}  // namespace

PemText read_pem_file(std::string_view purpose, const std::string& path) {
  PemText pem{fmt::format("{} '{}'", purpose, net::printable(path)), {}};
  if (path.find('\0') != std::string::npos) throw_unreadable(ENOENT, pem.origin);
  const OwnedFileDescriptor file(FileDescriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)});
  if (!file.valid()) throw_unreadable(errno, pem.origin);

  std::array<char, 16384> piece;
  for (;;) {
    const ssize_t size = ::read(file.get().number, piece.data(), piece.size());
    if (size == 0) return pem;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw_unreadable(errno, pem.origin);
    pem.text.append(piece.data(), static_cast<std::size_t>(size));
    if (pem.text.size() > kLongestFile) throw_unreadable(EFBIG, pem.origin);
  }
}

std::vector<CertificateHandle> certificates_of(const PemText& pem) {
  forget_errors();
  const BioHandle reader = reader_of(pem);
  PasswordDesk desk{{}};
  std::vector<CertificateHandle> certificates;
  while (CertificateHandle certificate{
      PEM_read_bio_X509_AUX(reader.get(), nullptr, &PasswordDesk::ask, &desk)}) {
    certificates.push_back(std::move(certificate));
  }
  if (!text_has_ended()) {
    throw_openssl_error(TlsErrc::bad_credentials,
                        fmt::format("certificate {} of {} is broken", certificates.size() + 1, pem.origin));
  }
  forget_errors();
  if (certificates.empty()) {
    throw TlsError(TlsErrc::bad_credentials, pem.origin + " holds no certificate (PEM is expected)");
  }
  return certificates;
}

KeyHandle private_key_of(const PemText& pem, const std::string& password) {
  forget_errors();
  const BioHandle reader = reader_of(pem);
  PasswordDesk desk{password};
  KeyHandle key(PEM_read_bio_PrivateKey(reader.get(), nullptr, &PasswordDesk::ask, &desk));
  if (key == nullptr) throw_unusable_key(pem, desk);
  return key;
}

}  // namespace tidegate::tls
