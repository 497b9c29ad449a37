// Checked protocols of byte streams: what is received, and into which memory.
#include "testing/checked.hpp"
#include "testing/guarded_memory.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace tidegate::checking {

namespace {

std::string in_brackets(std::ptrdiff_t number) { return fmt::format("({})", number); }

/// What both kinds of stream protocols have in common.
template <typename Kind>
class CheckedStream : public CheckedBase<Kind> {
 public:
  using CheckedBase<Kind>::CheckedBase;

  void connection_made(TransportRef transport) final { this->check_made(std::move(transport)); }
  bool eof_received() final {
    ContractRecord& record = *this->record();
    return this->check_fatal(
        {.name = "eof_received", .clause = "R3"}, [&] { record.end_of_file(); },
        [&] {
          const bool keep_open = this->behind().eof_received();
          record.kept_open(keep_open);
          return keep_open;
        });
  }
};

class CheckedProtocol final : public CheckedStream<Protocol> {
 public:
  using CheckedStream::CheckedStream;

  void data_received(BytesView data) override {
    const Called called{
        .name = "data_received", .clause = "W1", .arguments = in_brackets(std::ssize(data.text()))};
    check_fatal(
        called,
        [&] {
          if (data.empty()) record()->breach("R1", "data_received with no data");
          record()->received(called);
        },
        [&] { behind().data_received(data); });
  }
  void connection_lost(const Error& reason) override {
    check_lost(reason, [] {});
  }
};

/// The memory that the transport is given is ours, so that what it does with it shows.
class CheckedBufferedProtocol final : public CheckedStream<BufferedProtocol> {
 public:
  using CheckedStream::CheckedStream;

  MutableBytesView get_buffer(std::ptrdiff_t size_hint_bytes) override {
    const Called called{.name = "get_buffer", .clause = "R4", .arguments = in_brackets(size_hint_bytes)};
    return check_fatal(
        called,
        [&] {
          if (size_hint_bytes == 0 || size_hint_bytes < -1)
            record()->breach("R4", "get_buffer with a hint that is neither -1 nor a size");
          check_memory();
          record()->received(called);
        },
        [&] { return ask_for_buffer(size_hint_bytes); });
  }
  void buffer_updated(std::size_t size_bytes) override {
    const Called called{.name = "buffer_updated",
                        .clause = "R4",
                        .arguments = in_brackets(static_cast<std::ptrdiff_t>(size_bytes))};
    check_fatal(
        called,
        [&] {
          check_filled(size_bytes);
          record()->received(called);
        },
        [&] {
          pass_on(size_bytes);
          behind().buffer_updated(size_bytes);
        });
  }
  void connection_lost(const Error& reason) override {
    check_lost(reason, [&] { check_memory(); });
  }

 private:
  MutableBytesView ask_for_buffer(std::ptrdiff_t size_hint_bytes) {
    theirs_ = behind().get_buffer(size_hint_bytes);
    is_open_ = !theirs_.empty();
    const std::optional<Observed> now = record()->observed();
    // Nobody needs it who has paused or closed from inside.
    if (!is_open_ && now && now->reading && now->protocol == this)
      record()->breach("R4", "get_buffer has returned an empty buffer", Breach::By::protocol);
    if (!is_open_) return {};
    record()->note("> a buffer of " + std::to_string(theirs_.size()));
    return memory_.open(theirs_.size());
  }

  void check_memory() {
    if (!memory_.kept_its_bounds())
      record()->breach("R4", "something was written before or behind the buffer");
    if (!is_open_ && !memory_.was_left_alone())
      record()->breach("R4", "something was written to the buffer after buffer_updated");
  }

  void check_filled(std::size_t size_bytes) {
    check_memory();
    if (!is_open_) {
      record()->breach("R4", "buffer_updated without a get_buffer before it");
    } else if (size_bytes == 0 || size_bytes > theirs_.size()) {
      record()->breach("R4", "buffer_updated with " + std::to_string(size_bytes) + ", of a buffer of " +
                                 std::to_string(theirs_.size()));
    }
  }

  void pass_on(std::size_t size_bytes) {
    if (!std::exchange(is_open_, false)) return;
    const BytesView filled = memory_.filled(size_bytes);
    std::copy(filled.begin(), filled.end(), theirs_.begin());
    memory_.close();
  }

  GuardedMemory memory_;
  MutableBytesView theirs_;
  bool is_open_ = false;
};

}  // namespace

std::shared_ptr<Protocol> make_checked(std::shared_ptr<ContractRecord> record,
                                       std::shared_ptr<Protocol> behind) {
  return std::make_shared<CheckedProtocol>(std::move(record), std::move(behind));
}

std::shared_ptr<BufferedProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                               std::shared_ptr<BufferedProtocol> behind) {
  return std::make_shared<CheckedBufferedProtocol>(std::move(record), std::move(behind));
}

}  // namespace tidegate::checking
