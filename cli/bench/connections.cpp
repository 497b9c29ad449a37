// See connections.hpp.
#include "bench/connections.hpp"

#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/timeout.hpp>
#include <tidegate/transport.hpp>

#include <chrono>
#include <utility>

namespace tidegate::cli::bench {

namespace {

// What is cut ends in the next iteration.
constexpr std::chrono::seconds kPatienceAfterAbort{2};

template <typename Call>
void with_open(const AnyTransport& transport, const Call& call) {
  std::visit(
      [&call](const auto& reference) {
        if (reference) call(*reference);
      },
      transport);
}

}  // namespace

void Connections::opened(std::size_t number, AnyTransport transport) {
  if (number >= transports_.size()) transports_.resize(number + 1);
  transports_[number] = std::move(transport);
  ++open_;
}

void Connections::closed(std::size_t number) {
  transports_[number] = {};
  --open_;
  if (open_ == 0 && nobody_left_ && !nobody_left_.done()) nobody_left_.set_result();
}

void Connections::close_all() const {
  for (const AnyTransport& transport : transports_) with_open(transport, [](auto& open) { open.close(); });
}

void Connections::abort_all() const {
  for (const AnyTransport& transport : transports_) with_open(transport, [](auto& open) { open.abort(); });
}

Task<bool> Connections::closed_within(Duration limit) {
  if (open_ == 0) co_return true;
  nobody_left_ = get_running_loop().create_future<void>();
  try {
    co_await wait_for(nobody_left_, limit);
  } catch (const TimeoutError&) {
    co_return false;
  }
  co_return true;
}

Task<> Connections::end_within(Duration limit) {
  const bool is_over = co_await closed_within(limit);
  if (is_over) co_return;
  abort_all();
  co_await closed_within(kPatienceAfterAbort);
}

}  // namespace tidegate::cli::bench
