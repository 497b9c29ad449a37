// Tidegate: the README's echo server, with its callback protocols, on the public headers alone.
//
//     --backend NAME         the kernel interface to stand on, or to fail without; instead of the default
//     --spin MICROSECONDS    look for events so long before sleeping
//     --certificate FILE     with TLS; FILE has the certificate and its key
#include <tidegate/tidegate.hpp>

#include "peer.h"
#include "tidegate_backend.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using tidegate::BytesView;
using tidegate::Chunk;
using tidegate::TransportRef;

// --- the protocols -----------------------------------------------------------------------------------------

class Echo final : public tidegate::Protocol {
 public:
  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(BytesView data) override { transport_->write(data); }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  TransportRef transport_;
};

/// Answers each message of a fixed size with a write of its own.
class EchoMessages final : public tidegate::Protocol {
 public:
  explicit EchoMessages(std::size_t message_bytes) : message_bytes_(message_bytes) {}

  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }

  void data_received(BytesView data) override {
    if (!part_.empty()) {
      const BytesView rest = data.first(message_bytes_ - part_.size());
      part_ += rest.text();
      data = data.drop(rest.size());
      if (part_.size() < message_bytes_) return;
      transport_->write(part_);
      part_.clear();
    }
    for (; data.size() >= message_bytes_; data = data.drop(message_bytes_)) {
      transport_->write(data.first(message_bytes_));
    }
    part_ = data.text();
  }

  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  std::size_t message_bytes_;
  TransportRef transport_;
  std::string part_;  // the beginning of a message that has not arrived in full
};

class Discard final : public tidegate::Protocol {};

/// Writes until the transport says that it has enough, and again when it asks for more.
class Generate final : public tidegate::Protocol {
 public:
  explicit Generate(std::size_t message_bytes) : message_bytes_(message_bytes) {}

  void connection_made(TransportRef transport) override {
    transport_ = std::move(transport);
    write();
  }
  void pause_writing() override { paused_ = true; }
  void resume_writing() override {
    paused_ = false;
    write();
  }

 private:
  void write() {
    while (!paused_ && !transport_->is_closing()) {
      transport_->write(Chunk::immortal(BytesView(pattern_from(position_), message_bytes_)));
      position_ += message_bytes_;
    }
  }

  std::size_t message_bytes_;
  std::size_t position_ = 0;  // in the stream
  TransportRef transport_;
  bool paused_ = false;
};

// --- the server --------------------------------------------------------------------------------------------

/// Of all connections; none where there is no `--certificate`.
tidegate::TlsContext tls_context;

/// TLS 1.3 with AES-128-GCM, as everybody's here.
tidegate::TlsContext make_tls_context(const std::string& certificate_and_key_file) {
  tidegate::TlsCertChain chain;  // the key is in the same file
  chain.certificate_file = certificate_and_key_file;
  tidegate::TlsOptions options;
  options.cert_chains.push_back(std::move(chain));
  options.minimum_version = tidegate::TlsVersion::tls_1_3;
  options.ciphersuites = "TLS_AES_128_GCM_SHA256";
  return tidegate::TlsContext::server(options);
}

template <typename Factory>
tidegate::Task<tidegate::Server> listen(const peer_options& options, Factory make_protocol) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  if (options.path != nullptr) {
    const tidegate::UnixServerOptions how{.backlog = PEER_BACKLOG, .tls = tls_context};
    co_return co_await loop.create_unix_server(make_protocol, options.path, how);
  }
  const tidegate::ServerOptions how{.backlog = PEER_BACKLOG, .tls = tls_context};
  co_return co_await loop.create_server(make_protocol, "127.0.0.1", options.port, how);
}

tidegate::Task<tidegate::Server> listen(const peer_options& options) {
  if (options.mode == PEER_DISCARD) return listen(options, [] { return std::make_shared<Discard>(); });
  if (options.mode == PEER_GENERATE) {
    const std::size_t size =
        options.message_bytes > 0 ? options.message_bytes : std::size_t{PEER_BLOCK_BYTES};
    return listen(options, [size] { return std::make_shared<Generate>(size); });
  }
  if (options.message_bytes == 0) return listen(options, [] { return std::make_shared<Echo>(); });
  return listen(options, [size = options.message_bytes] { return std::make_shared<EchoMessages>(size); });
}

tidegate::Task<> serve(const peer_options& options, tidegate::BackendKind backend) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  require_backend(loop, backend);
  tidegate::Future<> stop_asked = loop.create_future<void>();
  for (const int signal_number : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal_number, [stop_asked]() mutable {
      if (!stop_asked.done()) stop_asked.set_result();
    });
  }

  tidegate::Server server = co_await listen(options);
  if (options.path != nullptr) {
    announce_path(options.path);
  } else {
    announce_port(server.endpoints().front().port().number());
  }

  co_await stop_asked;
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

// --- its own options ---------------------------------------------------------------------------------------

tidegate::LoopOptions loop_options;
std::string certificate_file;

constexpr unsigned long long kLongestSpinMicroseconds = 1'000'000;

bool read_spin(const char* text) {
  unsigned long long microseconds = 0;
  if (!read_number(text, &microseconds) || microseconds > kLongestSpinMicroseconds) return false;
  loop_options.spin = std::chrono::microseconds(microseconds);
  return true;
}

bool read_own_option(const char* name, const char* value) {
  if (std::string_view(name) == "--backend") return read_backend(value, loop_options);
  if (std::string_view(name) == "--spin") return read_spin(value);
  if (std::string_view(name) != "--certificate") return false;
  certificate_file = value;
  return !certificate_file.empty();
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options =
      start_peer(argc, argv, read_own_option,
                 " [--backend auto|epoll|io_uring] [--spin MICROSECONDS] [--certificate FILE]");
  try {
    if (!certificate_file.empty()) tls_context = make_tls_context(certificate_file);
    tidegate::run(serve(options, loop_options.backend), loop_options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
