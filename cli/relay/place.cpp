// See place.hpp.
#include "relay/place.hpp"

#include "arguments.hpp"

#include <string_view>

#include <fmt/format.h>

namespace tidegate::cli::relay {

namespace {

constexpr std::string_view kListen = "listen+";
constexpr std::string_view kExec = "exec:";
constexpr std::string_view kFifo = "fifo:";

constexpr const char* kKinds =
    "tcp://HOST:PORT, tls://HOST:PORT, udp://HOST:PORT, unix:///PATH, unix://@NAME, exec:COMMAND, "
    "fifo:///PATH or -";
constexpr const char* kListeningKinds =
    "listen+tcp://HOST:PORT, listen+tls://HOST:PORT?cert=FILE or listen+unix:///PATH";

bool has_scheme_of_url(std::string_view text) noexcept {
  return text.starts_with("tcp://") || text.starts_with("tls://") || text.starts_with("udp://") ||
         text.starts_with("unix://");
}

Place command(const std::string& typed) {
  Place place{.kind = Place::Kind::command, .as_typed = typed};
  place.text = typed.substr(kExec.size());
  if (place.text.find_first_not_of(" \t\n") == std::string::npos) {
    throw UsageError(
        fmt::format("no command in \"{}\", expected one for the shell, as in exec:'sort -u'", typed));
  }
  return place;
}

Place fifo(const std::string& typed) {
  const std::string_view rest = std::string_view(typed).substr(kFifo.size());
  if (!rest.starts_with("///") || rest.size() == 3) {
    throw UsageError(fmt::format("no path in \"{}\", expected fifo:///PATH", typed));
  }
  Place place{.kind = Place::Kind::fifo, .as_typed = typed};
  place.text = rest.substr(2);
  return place;
}

Place from_url(const std::string& typed, std::string_view text) {
  Place place{.as_typed = typed};
  place.url = parse_urls({std::string(text)}).front();
  if (place.url.scheme == Url::Scheme::udp) place.kind = Place::Kind::datagrams;
  return place;
}

Place listening(const std::string& typed) {
  const std::string_view rest = std::string_view(typed).substr(kListen.size());
  if (rest.starts_with("udp://")) {
    throw UsageError(
        fmt::format("\"{}\" as FROM, expected {}; UDP can't be listened at so far", typed, kListeningKinds));
  }
  if (!has_scheme_of_url(rest)) {
    throw UsageError(fmt::format("nothing to listen at in \"{}\", expected {}", typed, kListeningKinds));
  }
  Place place = from_url(typed, rest);
  place.listens = true;
  return place;
}

void check_can_be_connected_to(const Place& place) {
  if (place.url.scheme == Url::Scheme::unix_domain) return;
  if (place.url.host.empty()) {
    throw UsageError(fmt::format("no host in \"{}\", expected one to connect to", place.as_typed));
  }
  if (place.url.port == Port(0)) {
    throw UsageError(fmt::format("port 0 in \"{}\", expected one to connect to, 1 to 65535", place.as_typed));
  }
}

Place parse_connecting(const std::string& typed, const std::string& also) {
  if (typed == "-") return {.kind = Place::Kind::standard, .as_typed = typed};
  if (typed.starts_with(kExec)) return command(typed);
  if (typed.starts_with(kFifo)) return fifo(typed);
  if (!has_scheme_of_url(typed)) {
    throw UsageError(fmt::format("unknown endpoint \"{}\", expected {}{}", typed, kKinds, also));
  }
  Place place = from_url(typed, typed);
  check_can_be_connected_to(place);
  return place;
}

}  // namespace

Place Place::parse_from(const std::string& typed) {
  if (typed.starts_with(kListen)) return listening(typed);
  return parse_connecting(typed, fmt::format(", or {}", kListeningKinds));
}

Place Place::parse_to(const std::string& typed) {
  if (typed.starts_with(kListen)) {
    throw UsageError(fmt::format("\"{}\" as TO, expected {}; only FROM can listen", typed, kKinds));
  }
  return parse_connecting(typed, "");
}

}  // namespace tidegate::cli::relay
