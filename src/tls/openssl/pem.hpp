// Texts in PEM, from files and from memory, as OpenSSL's objects. Knows not what they are for.
#pragma once

#include "tls/openssl/handles.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tidegate::tls {

/// A text together with where it comes from, for errors: "certificate file 'a.pem'".
struct PemText {
  std::string origin;
  std::string text;
};

/// The contents of a file. Throws OsError that names it. `purpose`: "certificate file".
[[nodiscard]] PemText read_pem_file(std::string_view purpose, const std::string& path);

/// All certificates of a text, in its order; whatever else is in it is passed over. Throws TlsError
/// (bad_credentials) where one is broken, and where there is none.
[[nodiscard]] std::vector<CertificateHandle> certificates_of(const PemText& pem);

/// The first private key of a text; whatever else is in it is passed over. Never asks anybody for a password.
/// Throws TlsError (bad_credentials).
[[nodiscard]] KeyHandle private_key_of(const PemText& pem, const std::string& password);

}  // namespace tidegate::tls
