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

  std::span<unsigned char> at(std::size_t place) noexcept { return at(place, 1); }
  /// Several in a row.
  std::span<unsigned char> at(std::size_t place, std::size_t count) noexcept {
    return std::span(memory_).subspan(place * size_bytes_, count * size_bytes_);
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

/// One socket and what it has under way: places for datagrams, of which so many in a row are a train.
class Correspondent {
 public:
  Correspondent(DatagramSocket socket, std::uint32_t number, const Arguments& arguments)
      : socket_(std::move(socket)),
        number_(number),
        train_(arguments.train),
        places_(arguments.pipeline),
        missing_(arguments.pipeline / arguments.train) {
    for (std::size_t train = missing_.size(); train > 0; --train) free_.push_back(train - 1);
  }

  void watch(const Poller& poller) const { poller.add(socket_.number(), EPOLLIN, number_); }

  /// Whatever may be sent.
  void send(Letters& letters, Clock::time_point now) {
    singles_.clear();
    for (const std::size_t train : free_) {
      const auto bytes = post(letters, train, now);
      if (train_ > 1) {
        socket_.send_train(bytes, letters.size_bytes());
      } else {
        singles_.push_back({.iov_base = bytes.data(), .iov_len = bytes.size()});
      }
    }
    free_.clear();
    socket_.send_each(singles_);
  }

  /// What has come back; `came(duration)` is called for each. What had been given up does not count. Throws
  /// std::runtime_error for what can't be an answer.
  template <typename Came>
  void receive(DatagramInbox& inbox, Letters& letters, Clock::time_point now, Came came) {
    const auto take = [&](std::span<const unsigned char> datagram) {
      const Label label = letters.read(datagram, places_.size());
      if (label.socket != number_) throw std::runtime_error("a datagram came back to another socket");
      const Place& place = places_[label.place];
      if (label.turn != place.turn || place.given_up) return;
      if (!place.sent) throw std::runtime_error("a datagram came back twice");
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
      places_[place].given_up = true;
      release(place);
      ++lost;
    }
    return lost;
  }

  /// Nothing is under way.
  [[nodiscard]] bool is_free() const noexcept { return free_.size() == missing_.size(); }

 private:
  struct Place {
    std::uint32_t turn = 0;
    std::optional<Clock::time_point> sent;  // while it is under way
    bool given_up = false;
  };

  /// The bytes of a train with the labels of its next turn.
  std::span<unsigned char> post(Letters& letters, std::size_t train, Clock::time_point now) {
    const std::size_t first = train * train_;
    missing_[train] = train_;
    for (std::size_t place = first; place < first + train_; ++place) {
      places_[place] = {.turn = places_[place].turn + 1, .sent = now};
      letters.write(
          {.socket = number_, .place = static_cast<std::uint32_t>(place), .turn = places_[place].turn});
    }
    return letters.at(first, train_);
  }

  void release(std::size_t place) {
    places_[place].sent.reset();
    const std::size_t train = place / train_;
    if (--missing_[train] == 0) free_.push_back(train);
  }

  DatagramSocket socket_;
  std::uint32_t number_;
  std::size_t train_;  // datagrams in each; 1: they go one by one
  std::vector<Place> places_;
  std::vector<std::size_t> missing_;  // of each train: datagrams under way
  std::vector<std::size_t> free_;     // trains of which none is
  std::vector<iovec> singles_;
};

/// All sockets, and what they share.
class DatagramRun {
 public:
  DatagramRun(const Arguments& arguments, Window& window)
      : arguments_(arguments), window_(window), letters_(arguments) {
    correspondents_.reserve(arguments.connections);
    for (std::uint32_t number = 0; number < arguments.connections; ++number) {
      correspondents_.emplace_back(DatagramSocket::connect(arguments.address), number, arguments);
      correspondents_.back().watch(poller_);
    }
  }

  void run() {
    window_.begin();
    for (Correspondent& each : correspondents_) each.send(letters_, Clock::now());
    auto next_search = Clock::now() + kBetweenSearches;
    while (window_.goes_on()) {
      for (const epoll_event& event : poller_.wait()) {
        Correspondent& correspondent = correspondents_[event.data.u64];
        const auto now = Clock::now();
        receive(correspondent, now);
        correspondent.send(letters_, now);
      }
      if (Clock::now() < next_search) continue;
      next_search = Clock::now() + kBetweenSearches;
      give_up_lost();
    }
  }

  void run_in_lock_step(std::uint64_t messages_each) {
    window_.open();
    for (std::uint64_t left = messages_each; left > 0; left -= arguments_.pipeline) {
      for (Correspondent& each : correspondents_) each.send(letters_, Clock::now());
      collect_from_all();
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

  void give_up_lost() {
    const auto now = Clock::now();
    for (Correspondent& each : correspondents_) {
      const std::size_t lost = each.give_up(now - kLostAfter);
      window_.count_lost(lost);
      if (lost > 0) each.send(letters_, now);
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

void run_datagrams_in_lock_step(const Arguments& arguments, Window& window) {
  DatagramRun(arguments, window).run_in_lock_step(*arguments.messages);
}

}  // namespace load
