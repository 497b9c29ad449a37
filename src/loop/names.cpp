// Names: the loop's getaddrinfo and getnameinfo over the blocking resolver.
#include <tidegate/loop.hpp>

#include "loop/loop_core.hpp"
#include "net/resolver.hpp"

#include <string>
#include <utility>

#include <netdb.h>

namespace tidegate {

namespace {

Task<std::vector<Endpoint>> look_up(Loop& loop, std::string host, Port port, net::LookupOptions options) {
  // Numeric hosts never leave the loop's thread: nothing about them can block.
  if (auto numeric = net::resolve_numeric(host, port, options)) co_return std::move(*numeric);
  kernel::Backend& backend = loop.core().backend();
  auto job = [host = std::move(host), port, options, &backend] {
    if (auto known = backend.addresses_of(host)) return net::resolved(host, port, options, *known);
    return net::resolve(host, port, options);
  };
  auto answer = loop.run_in_executor(job);
  co_return co_await std::move(answer);
}

Task<NameInfo> look_up_name(Loop& loop, Endpoint endpoint, int flags) {
  auto job = [endpoint = std::move(endpoint), flags] { return net::name_of(endpoint, flags); };
  auto answer = loop.run_in_executor(job);
  auto [host, service] = co_await std::move(answer);
  co_return NameInfo{std::move(host), std::move(service)};
}

}  // namespace

Task<std::vector<Endpoint>> Loop::getaddrinfo(std::string_view host, Port port,
                                              const ResolveOptions& options) {
  return look_up(*this, std::string(host), port, {.family = options.family, .passive = options.passive});
}

Task<NameInfo> Loop::getnameinfo(const Endpoint& endpoint, const NameInfoOptions& options) {
  const int flags =
      (options.numeric_host ? NI_NUMERICHOST : 0) | (options.numeric_service ? NI_NUMERICSERV : 0);
  return look_up_name(*this, endpoint, flags);
}

}  // namespace tidegate
