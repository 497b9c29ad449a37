// See session.hpp.
#include "bench/session.hpp"

#include "number_text.hpp"

#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

Session::Session(Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), over_(loop.create_future<void>()) {}

// --- the course of the run -------------------------------------------------------------------------

void Session::begin() {
  begun_ = loop_.time();
  if (is_over()) return;  // something went wrong before it could begin
  warm_up_timer_ = loop_.call_at(*begun_ + options_.warm_up(), [session = weak_from_this()] {
    if (const auto alive = session.lock()) alive->measurement_.begin(alive->loop_.time());
  });
  end_timer_ = loop_.call_at(*begun_ + options_.duration, [session = weak_from_this()] {
    if (const auto alive = session.lock()) alive->stop();
  });
}

void Session::stop() {
  if (is_over()) return;
  measurement_.end(loop_.time());
  warm_up_timer_.cancel();
  end_timer_.cancel();
  over_.set_result();
}

Seconds Session::elapsed() const noexcept { return begun_ ? loop_.time() - *begun_ : Duration::zero(); }

// --- what it finds out -----------------------------------------------------------------------------

void Session::fail(std::size_t connection, std::string_view what) {
  failures_.note(fmt::format("connection {}: {}", grouped(connection), what));
}

void Session::lost(std::size_t connection, const Error& reason, std::uint64_t moved_bytes) {
  if (is_over()) return;
  fail(connection, describe_loss(reason, moved_bytes));
  stop_if_deserted();
}

void Session::stop_if_deserted() {
  if (has_begun() && connections_.open() == 0) stop();
}

std::string describe_loss(const Error& reason, std::uint64_t moved_bytes) {
  const std::string why = reason ? reason.message() : "closed by the other end";
  return fmt::format("{} after {} bytes", why, grouped(moved_bytes));
}

}  // namespace tidegate::cli::bench
