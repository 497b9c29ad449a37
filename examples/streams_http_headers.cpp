// asyncio's "Get HTTP headers" in C++: asks for the headers of a page, and prints them.
//
//     example_streams_http_headers URL [CA_FILE]        (http://HOST[:PORT][/PATH], or https://...)
//
// CA_FILE: whom to trust instead of whom this machine trusts.
#include <tidegate/tidegate.hpp>

#include <charconv>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

struct HttpUrl {
  bool is_secure = false;
  std::string host;
  int port = 80;
  std::string path = "/";
};

HttpUrl parse(std::string_view text) {
  HttpUrl url;
  url.is_secure = text.starts_with("https://");
  if (!url.is_secure && !text.starts_with("http://"))
    throw std::invalid_argument("an http or https URL is expected");
  text.remove_prefix(url.is_secure ? 8 : 7);
  const std::string_view authority = text.substr(0, text.find('/'));
  if (authority.size() < text.size()) url.path = text.substr(authority.size());
  const std::size_t colon = authority.find(':');
  url.host = authority.substr(0, colon);
  url.port = url.is_secure ? 443 : 80;
  if (colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    std::from_chars(port.data(), port.data() + port.size(), url.port);
  }
  return url;
}

tidegate::Task<> print_http_headers(HttpUrl url, std::string ca_file) {
  tidegate::TlsContext context;
  if (url.is_secure) {
    tidegate::TlsOptions trust;
    trust.ca_file = ca_file;
    context = tidegate::TlsContext::client(trust);
  }
  tidegate::ConnectOptions options;
  options.tls = context;
  auto [reader, writer] = co_await tidegate::open_connection(url.host, url.port, options);

  writer.write("HEAD " + url.path + " HTTP/1.0\r\nHost: " + url.host + "\r\n\r\n");
  while (true) {
    const std::string line = co_await reader.readline();
    if (line.empty() || line == "\r\n") break;
    std::cout << "HTTP header> " << line.substr(0, line.find_last_not_of("\r\n") + 1) << std::endl;
  }

  // Ignore the body, close the socket.
  writer.close();
  co_await writer.wait_closed();
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " URL [CA_FILE]" << std::endl;
    return 2;
  }
  tidegate::run(print_http_headers(parse(argv[1]), argc > 2 ? argv[2] : ""));
}
