// Writes the tests' usual certificates as files, for programs that are told of them by name:
//
//     tls_peers_certificates FOLDER
#include "support/certificates.hpp"

#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace tidegate::testing;

void write(const std::string& folder, const std::string& name, const Certificate& certificate) {
  write_private_file(folder + "/" + name + ".pem", certificate.certificate_pem);
  write_private_file(folder + "/" + name + ".key", certificate.key_pem);
}

void write_all(const std::string& folder) {
  write_private_file(folder + "/ca.pem", trusted_authority().certificate_pem());
  write_private_file(folder + "/strange_ca.pem", strange_authority().certificate_pem());
  write(folder, "server", server_certificate());
  write(folder, "rsa_server", rsa_server_certificate());
  write(folder, "chained_server", chained_server_certificate());
  write(folder, "expired_server", expired_certificate());
  write(folder, "other_server", other_host_certificate());
  write(folder, "client", client_certificate());
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: tls_peers_certificates FOLDER\n");
    return 2;
  }
  try {
    write_all(arguments[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tls_peers_certificates: %s\n", error.what());
    return 1;
  }
}
