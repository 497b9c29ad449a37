// Certificates for tests: an authority, what it signs, and everything that can be wrong with that. Made when
// asked for, in a fraction of a millisecond each; nothing is checked in that would expire one day.
#pragma once

#include <tidegate/tls.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::testing {

enum class KeyKind {
  /// EC P-256.
  ec,
  /// 2048 bits. All of a process are the same one, for making one takes long.
  rsa,
};

/// What a certificate may be used for.
enum class Purpose { anything, server, client };

/// What a certificate says.
struct CertificateTerms {
  std::string common_name = "localhost";
  std::vector<std::string> dns_names = {"localhost"};
  std::vector<std::string> ip_addresses = {"127.0.0.1", "::1"};
  Purpose purpose = Purpose::anything;
  KeyKind key = KeyKind::ec;
  /// From and until when it is valid, seen from now.
  std::chrono::seconds valid_from = -std::chrono::hours(1);
  std::chrono::seconds valid_until = std::chrono::hours(24);
  /// Encrypts the key (AES-256); empty: it is not encrypted.
  std::string password = {};
};

/// A certificate with its key.
struct Certificate {
  /// In PEM. Behind its own come those of the intermediate authorities, from the nearest on.
  std::string certificate_pem;
  std::string key_pem;
  std::string password;

  /// For TlsOptions::cert_chains.
  [[nodiscard]] TlsCertChain chain() const {
    TlsCertChain chain;
    chain.certificate_pem = certificate_pem;
    chain.key_pem = key_pem;
    chain.password = password;
    return chain;
  }
};

/// Signs certificates. A handle: copies are the same authority.
class CertificateAuthority {
 public:
  /// A root: signed by itself.
  explicit CertificateAuthority(const std::string& name, KeyKind key = KeyKind::ec);

  /// Its own certificate, in PEM: for TlsOptions::ca_data.
  [[nodiscard]] const std::string& certificate_pem() const noexcept;
  [[nodiscard]] Certificate issue(const CertificateTerms& terms = {}) const;
  /// An authority below this one: what it issues brings the certificates that lead up to the root.
  [[nodiscard]] CertificateAuthority intermediate(const std::string& name) const;
  /// The name of its file in a folder for TlsOptions::ca_path: as `openssl rehash` calls it.
  [[nodiscard]] std::string hashed_file_name() const;

 private:
  struct Parts;
  explicit CertificateAuthority(std::shared_ptr<const Parts> parts) noexcept : parts_(std::move(parts)) {}

  std::shared_ptr<const Parts> parts_;
};

/// A certificate that only vouches for itself.
[[nodiscard]] Certificate self_signed(const CertificateTerms& terms = {});

// --- the usual ones ------------------------------------------------------------------------------
// Each is made once per process.

/// Whom the tests trust.
[[nodiscard]] const CertificateAuthority& trusted_authority();
/// Whom they do not.
[[nodiscard]] const CertificateAuthority& strange_authority();

/// Of the trusted authority, for localhost, 127.0.0.1 and ::1.
[[nodiscard]] const Certificate& server_certificate();
/// The same with an RSA key.
[[nodiscard]] const Certificate& rsa_server_certificate();
/// The same by way of two intermediate authorities.
[[nodiscard]] const Certificate& chained_server_certificate();
/// Of the trusted authority, for a client called "a client".
[[nodiscard]] const Certificate& client_certificate();

/// As server_certificate, and not to be accepted: an hour too old;
[[nodiscard]] const Certificate& expired_certificate();
/// valid from the next hour on;
[[nodiscard]] const Certificate& future_certificate();
/// signed by nobody else;
[[nodiscard]] const Certificate& self_signed_certificate();
/// of the strange authority;
[[nodiscard]] const Certificate& strange_certificate();
/// and for other.example and 192.0.2.1 only.
[[nodiscard]] const Certificate& other_host_certificate();

// --- as files ------------------------------------------------------------------------------------

/// Writes a file that is readable for its owner only.
void write_private_file(const std::string& path, const std::string& text);

/// A folder of files, gone with its contents when this is.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Writes a private file, and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

}  // namespace tidegate::testing
