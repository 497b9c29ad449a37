// See datagrams.hpp.
#include "datagrams.hpp"

#include "datagram_socket.hpp"
#include "pattern.hpp"
#include "poller.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace load {

namespace {

constexpr std::chrono::milliseconds kLostAfter{200};
constexpr std::chrono::milliseconds kBetweenSearches{50};  // for those that are lost

/// What each datagram begins with: whose it is, which of its window, and the how manieth there.
struct Label {
  std::uint32_t socket = 0;
  std::uint32_t place = 0;
  std::uint32_t turn = 0;
};
static_assert(sizeof(Label) == kLeastDatagramBytes);

/// The datagrams of one window, one behind the other. Behind its label a place always has the same bytes, on
/// every socket: only the labels are written anew.
class Letters {
 public:
  explicit Letters(const Arguments& arguments)
      : size_bytes_(arguments.size_bytes), memory_(arguments.size_bytes * arguments.pipeline) {
    const Pattern pattern(memory_.size());
    std::ranges::copy(pattern.at(0, memory_.size()), memory_.begin());
  }

  std::span<unsigned char> at(std::size_t place) noexcept {
    return std::span(memory_).subspan(place * size_bytes_, size_bytes_);
  }
  std::span<unsigned char> first(std::size_t count) noexcept {
    return std::span(memory_).first(count * size_bytes_);
  }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_bytes_; }

  void write(const Label& label) noexcept { std::memcpy(at(label.place).data(), &label, sizeof label); }

  /// Throws std::runtime_error unless the datagram is one of ours behind its label.
  Label read(std::span<const unsigned char> datagram, std::size_t places) {
    Label label;
    if (datagram.size() != size_bytes_) throw std::runtime_error("a datagram came back in another size");
    std::memcpy(&label, datagram.data(), sizeof label);
    if (label.place >= places) throw std::runtime_error("a datagram came back with another label");
    const auto sent = at(label.place).subspan(sizeof label);
    if (std::memcmp(sent.data(), datagram.data() + sizeof label, sent.size()) != 0) {
      throw std::runtime_error("a datagram came back with other bytes");
    }
    return label;
  }

 private:
  std::size_t size_bytes_;
  std::vector<unsigned char> memory_;
};

/// One socket and what it has under way.
class Correspondent {
 public:
  Correspondent(DatagramSocket socket, std::uint32_t number, std::size_t window)
      : socket_(std::move(socket)), number_(number), places_(window) {
    free_.reserve(window);
    for (std::size_t place = window; place > 0; --place) free_.push_back(place - 1);
  }

  void watch(const Poller& poller) const { poller.add(socket_.number(), EPOLLIN, number_); }

  /// Up to `most` of those that may be sent, each by itself.
  void send(Letters& letters, Clock::time_point now, std::size_t most) {
    outgoing_.clear();
    while (!free_.empty() && outgoing_.size() < most) {
      const std::size_t place = free_.back();
      free_.pop_back();
      const auto datagram = post(letters, place, now);
      outgoing_.push_back({.iov_base = datagram.data(), .iov_len = datagram.size()});
    }
    socket_.send_each(outgoing_);
  }

  /// The whole window, at once. REQUIRES: nothing is under way.
  void send_train(Letters& letters, Clock::time_point now) {
    free_.clear();
    for (std::size_t place = 0; place < places_.size(); ++place) post(letters, place, now);
    socket_.send_train(letters.first(places_.size()), letters.size_bytes());
  }

  /// What has come back; `came(duration)` is called for each. What had been given up does not count.
  template <typename Came>
  void receive(DatagramInbox& inbox, Letters& letters, Clock::time_point now, Came came) {
    const auto take = [&](std::span<const unsigned char> datagram) {
      const Label label = letters.read(datagram, places_.size());
      Place& place = places_[label.place];
      if (label.socket != number_) throw std::runtime_error("a datagram came back to another socket");
      if (!place.sent || label.turn != place.turn) return;
      came(now - *place.sent);
      release(label.place);
    };
    while (inbox.receive(socket_, take)) {
    }
  }

  /// How many are lost, being under way since before `deadline`.
  std::size_t give_up(Clock::time_point deadline) {
    std::size_t lost = 0;
    for (std::size_t place = 0; place < places_.size(); ++place) {
      if (!places_[place].sent || *places_[place].sent > deadline) continue;
      release(place);
      ++lost;
    }
    return lost;
  }

  [[nodiscard]] bool is_free() const noexcept { return free_.size() == places_.size(); }

 private:
  struct Place {
    std::uint32_t turn = 0;
    std::optional<Clock::time_point> sent;  // while it is under way
  };

  std::span<unsigned char> post(Letters& letters, std::size_t place, Clock::time_point now) {
    places_[place].sent = now;
    letters.write({.socket = number_,
                   .place = static_cast<std::uint32_t>(place),
                   .turn = ++places_[place].turn});
    return letters.at(place);
  }

  void release(std::size_t place) {
    places_[place].sent.reset();
    free_.push_back(place);
  }

  DatagramSocket socket_;
  std::uint32_t number_;
  std::vector<Place> places_;
  std::vector<std::size_t> free_;
  std::vector<iovec> outgoing_;
};

/// All sockets, and what they share.
class DatagramRun {
 public:
  DatagramRun(const Arguments& arguments, Window& window)
      : arguments_(arguments), window_(window), letters_(arguments) {
    correspondents_.reserve(arguments.connections);
    for (std::uint32_t number = 0; number < arguments.connections; ++number) {
      correspondents_.emplace_back(DatagramSocket::connect(arguments.address), number, arguments.pipeline);
      correspondents_.back().watch(poller_);
    }
  }

  void run() {
    window_.begin();
    for (Correspondent& each : correspondents_) go_on(each, Clock::now());
    auto next_search = Clock::now() + kBetweenSearches;
    while (window_.goes_on()) {
      for (const epoll_event& event : poller_.wait()) {
        Correspondent& correspondent = correspondents_[event.data.u64];
        const auto now = Clock::now();
        receive(correspondent, now);
        go_on(correspondent, now);
      }
      if (Clock::now() < next_search) continue;
      next_search = Clock::now() + kBetweenSearches;
      give_up_lost();
    }
  }

  void run_in_lock_step(std::uint64_t messages_each) {
    window_.open();
    for (std::uint64_t left = messages_each; left > 0;) {
      const std::uint64_t messages = std::min<std::uint64_t>(left, arguments_.pipeline);
      for (Correspondent& each : correspondents_) each.send(letters_, Clock::now(), messages);
      collect_from_all();
      left -= messages;
    }
    window_.close();
  }

 private:
  void receive(Correspondent& correspondent, Clock::time_point now) {
    correspondent.receive(inbox_, letters_, now, [this](Clock::duration duration) {
      window_.count(arguments_.size_bytes);
      window_.count_latency(duration);
    });
  }

  void go_on(Correspondent& correspondent, Clock::time_point now) {
    if (arguments_.mode == Mode::datagrams) {
      correspondent.send(letters_, now, arguments_.pipeline);
    } else if (correspondent.is_free()) {
      correspondent.send_train(letters_, now);
    }
  }

  void give_up_lost() {
    const auto now = Clock::now();
    for (Correspondent& each : correspondents_) {
      const std::size_t lost = each.give_up(now - kLostAfter);
      window_.count_lost(lost);
      if (lost > 0) go_on(each, now);
    }
  }

  void collect_from_all() {
    while (!std::ranges::all_of(correspondents_, &Correspondent::is_free)) {
      for (const epoll_event& event : poller_.wait()) {
        receive(correspondents_[event.data.u64], Clock::now());
      }
    }
  }

  const Arguments& arguments_;
  Window& window_;
  Letters letters_;
  DatagramInbox inbox_;
  Poller poller_;
  std::vector<Correspondent> correspondents_;
};

}  // namespace

void run_datagrams(const Arguments& arguments, Window& window) { DatagramRun(arguments, window).run(); }

void run_trains(const Arguments& arguments, Window& window) { DatagramRun(arguments, window).run(); }

void run_datagrams_in_lock_step(const Arguments& arguments, Window& window) {
  DatagramRun(arguments, window).run_in_lock_step(*arguments.messages);
}

}  // namespace load
