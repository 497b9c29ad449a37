// Endpoints and URLs: from text to values and back.
#include <tidegate/endpoint.hpp>

#include <string_view>

#include <benchmark/benchmark.h>

namespace tidegate {
namespace {

constexpr std::string_view kIpv4 = "192.168.100.200";
constexpr std::string_view kIpv6 = "2001:db8:85a3::8a2e:370:7334";
constexpr Port kPort = 8888;

void parse_numeric_host(benchmark::State& state, std::string_view host) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(host);
    benchmark::DoNotOptimize(Endpoint::from_numeric_host(host, kPort));
  }
}
BENCHMARK_CAPTURE(parse_numeric_host, ipv4, kIpv4);
BENCHMARK_CAPTURE(parse_numeric_host, ipv6, kIpv6);
BENCHMARK_CAPTURE(parse_numeric_host, name_that_is_none, std::string_view("example.org"));

void format_endpoint(benchmark::State& state, const Endpoint& endpoint) {
  for (auto _ : state) benchmark::DoNotOptimize(endpoint.to_string());
}
BENCHMARK_CAPTURE(format_endpoint, ipv4, *Endpoint::from_numeric_host(kIpv4, kPort));
BENCHMARK_CAPTURE(format_endpoint, ipv6, *Endpoint::from_numeric_host(kIpv6, kPort));
BENCHMARK_CAPTURE(format_endpoint, unix_path, Endpoint::unix_path("/run/example.sock"));

void parse_url(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(text);
    benchmark::DoNotOptimize(Url::parse(text));
  }
}
BENCHMARK_CAPTURE(parse_url, tcp, std::string_view("tcp://[2001:db8::1]:8888"));
BENCHMARK_CAPTURE(parse_url, unix_path, std::string_view("unix:///run/example.sock"));

}  // namespace
}  // namespace tidegate
