// Choosing a backend, and the bookkeeping that all of them share.
#include "kernel/backend.hpp"

#include "kernel/epoll/epoll_backend.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tidegate::kernel {

void Backend::DoneQueue::push(Operation& operation, int result) noexcept {
  operation.progress_ = Operation::Progress::done;
  operation.result_ = result;
  operation.next_done_ = nullptr;
  if (last_ != nullptr) {
    last_->next_done_ = &operation;
  } else {
    first_ = &operation;
  }
  last_ = &operation;
}

void Backend::DoneQueue::tell() {
  // The list is taken whole: an operation that ends again meanwhile goes to a new list.
  Operation* operation = std::exchange(first_, nullptr);
  last_ = nullptr;
  while (operation != nullptr) {
    Operation* next = operation->next_done_;  // read before the callback, which may end the operation's life
    complete(*operation, operation->result_);
    operation = next;
  }
}

namespace {

BackendKind wished_by_environment() {
  const char* wish = std::getenv("TIDEGATE_BACKEND");
  const std::string_view name = wish == nullptr ? "" : wish;
  if (name.empty() || name == "auto") return BackendKind::automatic;
  if (name == "epoll") return BackendKind::epoll;
  if (name == "io_uring") return BackendKind::io_uring;
  throw std::invalid_argument("TIDEGATE_BACKEND=\"" + std::string(name) +
                              "\" is not a backend, expected \"auto\", \"epoll\" or \"io_uring\"");
}

}  // namespace

std::unique_ptr<Backend> make_backend(BackendKind kind) {
  if (kind == BackendKind::automatic) kind = wished_by_environment();
  return std::make_unique<EpollBackend>();
}

}  // namespace tidegate::kernel
