// The kernel interface that a program on Tidegate is asked to stand on, and whether it does.
#pragma once

#include <tidegate/tidegate.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

/// Reads the value of `--backend`: auto, epoll or io_uring. Returns false for anything else.
inline bool read_backend(std::string_view name, tidegate::LoopOptions& options) {
  if (name == "auto") {
    options.backend = tidegate::BackendKind::automatic;
  } else if (name == "epoll") {
    options.backend = tidegate::BackendKind::epoll;
  } else if (name == "io_uring") {
    options.backend = tidegate::BackendKind::io_uring;
  } else {
    return false;
  }
  return true;
}

/// Throws where the kernel refused io_uring. The library then goes on with epoll, which is right for a
/// server, but here it would be epoll's figures under another name.
inline void require_backend(const tidegate::Loop& loop, tidegate::BackendKind asked_for) {
  if (asked_for == tidegate::BackendKind::io_uring && loop.backend_name() != "io_uring") {
    throw std::runtime_error("asked for io_uring, got " + std::string(loop.backend_name()));
  }
}
