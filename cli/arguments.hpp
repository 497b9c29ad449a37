// From what people type to what the library takes, with errors that say what was expected. Knows no sockets.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace tidegate::cli {

/// An argument is not what was expected; `what()` says what it is and what was expected.
class UsageError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// At least one place to listen at. Throws UsageError.
[[nodiscard]] std::vector<Url> parse_urls(const std::vector<std::string>& texts);

/// "auto", or the name of a backend. Throws UsageError.
[[nodiscard]] BackendKind parse_backend(const std::string& text);

/// Whole microseconds for LoopOptions::spin, up to a second. Throws UsageError.
[[nodiscard]] Duration parse_spin(const std::string& text);

/// An address of a socket in the form in which it would be typed. `scheme`: of what it is for, where it is
/// not a Unix socket.
[[nodiscard]] std::string to_url_text(const Endpoint& endpoint, Url::Scheme scheme = Url::Scheme::tcp);

}  // namespace tidegate::cli
