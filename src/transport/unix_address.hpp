// Unix addresses as people write them. Knows no sockets.
#pragma once

#include <tidegate/endpoint.hpp>

#include <string_view>

namespace tidegate::transport {

/// A path, or "@" (or a NUL) and an abstract name. Throws std::invalid_argument as Endpoint does.
[[nodiscard]] inline Endpoint unix_endpoint(std::string_view path) {
  const bool abstract = !path.empty() && (path.front() == '@' || path.front() == '\0');
  return abstract ? Endpoint::unix_abstract(path.substr(1)) : Endpoint::unix_path(path);
}

}  // namespace tidegate::transport
