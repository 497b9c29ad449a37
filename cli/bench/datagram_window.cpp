// See datagram_window.hpp.
#include "bench/datagram_window.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

constexpr std::size_t kBitsPerByte = 8;

/// The numbers that so many bytes can say.
std::uint64_t mask_of(std::size_t bytes) noexcept {
  constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  return bytes >= sizeof kAll ? kAll : (std::uint64_t{1} << (kBitsPerByte * bytes)) - 1;
}

}  // namespace

/// Of each place at least two in a row have to differ.
std::size_t DatagramWindow::most_places(std::size_t size_bytes) noexcept {
  return static_cast<std::size_t>(mask_of(std::min(size_bytes, sizeof(std::uint64_t))) / 2 + 1);
}

DatagramWindow::DatagramWindow(const Pattern& pattern, std::size_t size_bytes, std::size_t places)
    : pattern_(pattern), number_bytes_(std::min(size_bytes, sizeof(std::uint64_t))), datagram_(size_bytes) {
  while (step_ < places) step_ *= 2;
  for (std::uint64_t number = 0; number < places; ++number)
    places_.push_back(free_.insert(free_.end(), Place{.number = number}));
}

// --- out ---------------------------------------------------------------------------------------------------

BytesView DatagramWindow::next(TimePoint now) {
  const auto place = free_.begin();
  under_way_.splice(under_way_.end(), free_, place);
  place->is_under_way = true;
  place->sent_at = now;
  write_number(place->number);
  const std::size_t rest_bytes = datagram_.size() - number_bytes_;
  const BytesView rest = pattern_.piece(place->number * datagram_.size(), rest_bytes);
  std::copy(rest.begin(), rest.end(), datagram_.begin() + static_cast<std::ptrdiff_t>(number_bytes_));
  return BytesView(datagram_);
}

void DatagramWindow::write_number(std::uint64_t number) noexcept {
  for (std::size_t index = 0; index < number_bytes_; ++index)
    datagram_[index] = static_cast<std::byte>(number >> (kBitsPerByte * index));
}

// --- and back ----------------------------------------------------------------------------------------------

Answer DatagramWindow::take(BytesView datagram, TimePoint now) {
  if (datagram.size() != datagram_.size()) {
    return {.problem = fmt::format("a datagram of {} bytes came back, of {} expected", datagram.size(),
                                   datagram_.size())};
  }
  const std::uint64_t number = number_of(datagram);
  const auto index = static_cast<std::size_t>(number & (step_ - 1));
  const bool is_whole = number_bytes_ == sizeof(std::uint64_t);
  if (index >= places_.size() || (is_whole && number > places_[index]->number))
    return {.problem = fmt::format("datagram {} came back, which was never sent", number)};
  const auto place = places_[index];
  if (place->is_under_way && (place->number & mask_of(number_bytes_)) == number) {
    if (auto problem = mismatch(datagram, place->number); !problem.empty()) return {.problem = problem};
    const Duration latency = now - place->sent_at;
    set_free(place);
    return {.latency = latency};
  }
  if (!is_whole) return {};
  if (number == place->number)
    return {.problem = fmt::format("datagram {} came back, which was never sent", number)};
  return {.problem = mismatch(datagram, number)};
}

std::uint64_t DatagramWindow::number_of(BytesView datagram) const noexcept {
  std::uint64_t number = 0;
  for (std::size_t index = 0; index < number_bytes_; ++index)
    number |= static_cast<std::uint64_t>(datagram[index]) << (kBitsPerByte * index);
  return number;
}

/// The first wrong byte behind the number; empty where all are right.
std::string DatagramWindow::mismatch(BytesView datagram, std::uint64_t number) const {
  const std::uint64_t position = number * datagram_.size();
  const auto wrong = pattern_.first_mismatch(position, datagram.drop(number_bytes_));
  if (!wrong) return "";
  const std::size_t offset = static_cast<std::size_t>(*wrong - position) + number_bytes_;
  const auto expected = static_cast<unsigned>(pattern_.piece(*wrong, 1)[0]);
  return fmt::format("wrong byte at offset {} of datagram {}: received 0x{:02x}, expected 0x{:02x}", offset,
                     number, static_cast<unsigned>(datagram[offset]), expected);
}

void DatagramWindow::set_free(Places::iterator place) noexcept {
  place->is_under_way = false;
  place->number += step_;
  free_.splice(free_.end(), under_way_, place);
}

std::optional<TimePoint> DatagramWindow::deadline() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.front().sent_at + kPatience;
}

std::size_t DatagramWindow::give_up(TimePoint now) {
  std::size_t lost = 0;
  for (; !under_way_.empty() && under_way_.front().sent_at + kPatience <= now; ++lost)
    set_free(under_way_.begin());
  return lost;
}

}  // namespace tidegate::cli::bench
