// See arguments.hpp.
#include "arguments.hpp"

#include <charconv>
#include <chrono>
#include <system_error>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

const char* name_of(Url::Scheme scheme) noexcept {
  switch (scheme) {
    case Url::Scheme::tcp:
      return "tcp";
    case Url::Scheme::tls:
      return "tls";
    case Url::Scheme::udp:
      return "udp";
    case Url::Scheme::unix_domain:
      break;
  }
  return "unix";
}

}  // namespace

std::vector<Url> parse_urls(const std::vector<std::string>& texts) {
  if (texts.empty()) {
    throw UsageError(
        "no URL, expected at least one of tcp://HOST:PORT, tls://HOST:PORT?cert=FILE, udp://HOST:PORT, "
        "unix:///PATH or unix://@NAME");
  }
  std::vector<Url> urls;
  try {
    for (const std::string& text : texts) urls.push_back(Url::parse(text));
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  return urls;
}

BackendKind parse_backend(const std::string& text) {
  if (text == "auto") return BackendKind::automatic;
  if (text == "epoll") return BackendKind::epoll;
  if (text == "io_uring") return BackendKind::io_uring;
  throw UsageError(fmt::format("unknown backend \"{}\", expected auto, epoll or io_uring", text));
}

Duration parse_spin(const std::string& text) {
  constexpr int kLongest = 1'000'000;
  int microseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), microseconds);
  if (error != std::errc() || end != text.data() + text.size() || microseconds < 0 ||
      microseconds > kLongest) {
    throw UsageError(fmt::format("--spin \"{}\", expected microseconds from 0 to {}", text, kLongest));
  }
  return std::chrono::microseconds(microseconds);
}

std::string to_url_text(const Endpoint& endpoint, Url::Scheme scheme) {
  const bool is_unix = endpoint.family() == AddressFamily::unix_domain;
  return fmt::format("{}://{}", is_unix ? "unix" : name_of(scheme), endpoint.to_string());
}

}  // namespace tidegate::cli
