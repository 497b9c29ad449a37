// See destination.hpp.
#include "bench/destination.hpp"

#include <tidegate/loop.hpp>
#include <tidegate/timeout.hpp>
#include <tidegate/transport.hpp>

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

// The kernel itself would go on for two minutes.
constexpr std::chrono::seconds kLongestConnect{10};

std::string_view remedy_for(const std::error_code& code) noexcept {
  if (code == std::errc::address_not_available) {
    return ": no local port is free, because a closed connection keeps its port for a minute; shorten the "
           "run, widen net.ipv4.ip_local_port_range, or set net.ipv4.tcp_tw_reuse to 1";
  }
  if (code == std::errc::too_many_files_open) return ": raise the limit with ulimit -n";
  return "";
}

}  // namespace

std::string describe_connect_failure(const Url& url, const OsError& error) {
  return fmt::format("cannot connect to {}: {}{}", url.to_string(), error.what(), remedy_for(error.code()));
}

Task<TransportRef> Destination::try_connect(std::shared_ptr<StreamProtocol> protocol) {
  Loop& loop = get_running_loop();
  const auto factory = [&protocol] { return protocol; };
  if (url_.scheme == Url::Scheme::unix_domain) {
    auto connecting = loop.create_unix_connection(factory, url_.path);
    auto connection = co_await std::move(connecting);
    co_return connection.transport;
  }
  const std::string& host = address_.empty() ? url_.host : address_;
  auto connecting = loop.create_connection(factory, host, url_.port, security_.connect_options());
  auto connection = co_await std::move(connecting);
  co_return connection.transport;
}

Task<> Destination::connect(std::shared_ptr<StreamProtocol> protocol) {
  try {
    auto trying = try_connect(std::move(protocol));
    const TransportRef transport = co_await std::move(trying);
    if (address_.empty()) address_ = transport->peername().host();
  } catch (const OsError& error) {
    throw std::runtime_error(describe_connect_failure(url_, error));
  }
}

Task<> Destination::connect_in_time(std::shared_ptr<StreamProtocol> protocol) {
  auto connecting = connect(std::move(protocol));
  try {
    co_await wait_for(std::move(connecting), kLongestConnect);
  } catch (const TimeoutError&) {
    throw std::runtime_error(fmt::format("cannot connect to {}: no answer within {} s", url_.to_string(),
                                         kLongestConnect.count()));
  }
}

}  // namespace tidegate::cli::bench
