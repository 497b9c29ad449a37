// See connection.hpp.
#include "relay/connection.hpp"

#include <tidegate/error.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::relay {

Connection::Connection(Loop& loop, const Options& options, std::string from_name, OnSecured on_secured)
    : loop_(loop),
      options_(options),
      from_name_(std::move(from_name)),
      on_secured_(std::move(on_secured)),
      pair_(std::make_shared<Pair>([this] { side_gone(); })),
      all_gone_(loop.create_future<void>()) {}

Task<Outcome> Connection::run(Socket accepted) {
  co_await open(End::from, std::move(accepted));
  // FROM may have gone before anybody could speak with it; then there is nobody to open TO for.
  if (!is_stopping_ && could_not_open_.empty() && !pair_->is_gone(End::from))
    co_await open(End::to, Socket());
  has_opened_ = true;
  if (!pair_->is_empty()) co_await all_gone_;
  co_return Outcome{problem(), overrun(), command_status()};
}

const Place& Connection::place(End end) const noexcept {
  return end == End::from ? options_.from : options_.to;
}

const std::string& Connection::name(End end) const noexcept {
  return end == End::from ? from_name_ : options_.to.as_typed;
}

// --- opening -----------------------------------------------------------------------------------------------

Task<> Connection::open(End end, Socket accepted) {
  PairEnd pair_end{pair_, end};
  const char* const attempted = accepted.valid() && place(end).security ? "secure" : "open";
  Task<OpenedSide> open_it = accepted.valid()
                                 ? adopt_side(place(end), std::move(accepted), std::move(pair_end), options_)
                                 : open_side(place(end), std::move(pair_end), options_);
  opening_ = loop_.create_task(std::move(open_it));
  try {
    const OpenedSide opened = co_await opening_;
    join(end, opened);
  } catch (const CancelledError&) {
    // By `stop` or `side_gone`, who know why.
  } catch (const std::exception& error) {
    could_not_open_ = fmt::format("cannot {} {}: {}", attempted, name(end), error.what());
  }
  opening_ = {};
  if (!could_not_open_.empty()) pair_->close();
}

void Connection::join(End end, const OpenedSide& opened) {
  if (opened.child) {
    commands_.push_back(opened.child);
    if (is_stopping_ && !pair_->is_gone(end)) opened.child->terminate();
  }
  if (!opened.agreement.empty()) on_secured_(name(end), opened.agreement);
  pair_->join(end, opened.side);
}

// --- the end -----------------------------------------------------------------------------------------------

void Connection::side_gone() {
  if (opening_) opening_.cancel();  // there is nobody any more whom the other end could be for
  if (has_opened_ && pair_->is_empty() && !all_gone_.done()) all_gone_.set_result();
}

void Connection::stop() {
  is_stopping_ = true;
  if (opening_) opening_.cancel();
  pair_->close();
  for (const auto& command : commands_) command->terminate();
}

void Connection::abort() {
  is_stopping_ = true;
  if (opening_) opening_.cancel();
  pair_->abort();
}

std::string Connection::problem() const {
  if (!could_not_open_.empty()) return could_not_open_;
  if (!pair_->failure()) return {};
  return fmt::format("{}: {}", name(pair_->failure()->end), pair_->failure()->reason.message());
}

std::string Connection::overrun() const {
  std::string text;
  for (const End end : {End::from, End::to}) {
    const std::uint64_t bytes = pair_->figures(end).overrun_bytes;
    if (bytes == 0) continue;
    text += fmt::format("{}{}: {} bytes dropped, which came while the other end was full",
                        text.empty() ? "" : "; ", name(end), bytes);
  }
  return text;
}

int Connection::command_status() const {
  const auto failed = std::find_if(commands_.rbegin(), commands_.rend(),
                                   [](const auto& command) { return command->exit_status() != 0; });
  return failed == commands_.rend() ? 0 : (*failed)->exit_status();
}

}  // namespace tidegate::cli::relay
