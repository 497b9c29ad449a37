// See listener.hpp.
#include "sim/listener.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tidegate::workload {

using namespace std::chrono_literals;

namespace {

/// From then on it reads in large pieces, so that a play ends some day.
constexpr unsigned kPatientReads = 1500;
/// So much of random bytes there is only once.
constexpr std::size_t kTellingBytes = 16;
const std::array<BytesView, 2> kSeparators = {"\n", "ab"};

bool holds_before_end(std::string_view text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  return at != std::string_view::npos && at + separator.size() < text.size();
}

}  // namespace

Task<std::string> Listener::read_first(StreamReader reader, std::size_t size_bytes) {
  auto reading = reader.readexactly(size_bytes);
  co_return co_await std::move(reading);
}

Task<> Listener::listen(StreamReader reader, Flow& flow) {
  while (!is_at_end_ && !stage_.diary.has_fault()) {
    if (stage_.random.chance(20)) {
      auto pause = sleep(stage_.some_time(1s));
      co_await std::move(pause);
    }
    Read read = next_read();
    constexpr std::size_t kEverything = std::size_t{1} << 40U;
    most_asked_bytes_ = std::max(most_asked_bytes_, read.kind == Kind::all ? kEverything : read.count);
    auto reading = carry_out(reader, read);
    co_await std::move(reading);
    check(read, flow);
  }
  if (!is_at_end_) co_return;
  if (!reader.at_eof()) fault("at_eof() is false behind the end");
  auto once_more = reader.read(1);
  const std::string more = co_await std::move(once_more);
  if (!more.empty()) fault("something came behind the end");
}

Listener::Read Listener::next_read() {
  Random& random = stage_.random;
  Read read;
  if (consumed_) {
    read.kind = Kind::exactly;
    read.count = *std::exchange(consumed_, std::nullopt);
    return read;
  }
  if (has_lost_place_) {
    read.kind = Kind::exactly;
    read.count = kTellingBytes;
    return read;
  }
  if (was_cut_ || ++reads_ > kPatientReads) {
    read.count = 100'000;
    return read;
  }
  read.kind = random.chance(2) ? Kind::all : static_cast<Kind>(random.below(kKinds - 1));
  read.count = 1 + stage_.some_size(50'000);
  if (random.chance(3)) read.count = 0;
  if (random.chance(20)) read.limit = random.chance(10) ? Duration::zero() : stage_.some_time(500ms);
  if (read.kind == Kind::until) {
    for (std::size_t letters = 1 + random.below(2); letters > 0; --letters)
      read.separator += static_cast<char>(random.next());
  } else if (read.kind == Kind::line || read.kind == Kind::line_view) {
    read.separator = "\n";
  }
  return read;
}

// --- reading ---------------------------------------------------------------------------------------

/// Whatever comes of it is in `read`; but a cancellation from outside ends everything.
Task<> Listener::carry_out(StreamReader reader, Read& read) {
  is_reading_ = !read.limit || *read.limit > Duration::zero();
  std::exception_ptr cancellation;
  try {
    auto reading = wait_for(begin(reader, read), read.limit);
    read.got = co_await std::move(reading);
  } catch (const CancelledError&) {
    cancellation = std::current_exception();
  } catch (...) {
    read.failure = std::current_exception();
  }
  is_reading_ = false;
  if (cancellation != nullptr) std::rethrow_exception(cancellation);
}

Task<std::string> Listener::begin(StreamReader reader, const Read& read) const {
  switch (read.kind) {
    case Kind::some:
      return reader.read(read.count);
    case Kind::exactly:
      return reader.readexactly(read.count);
    case Kind::until:
      return reader.readuntil(read.separator);
    case Kind::until_any:
      return reader.readuntil(kSeparators);
    case Kind::line:
      return reader.readline();
    case Kind::view:
    case Kind::exactly_view:
    case Kind::line_view:
      return view_of(std::move(reader), read);
    case Kind::into:
    case Kind::exactly_into:
      return into_memory(std::move(reader), read);
    case Kind::all:
      return reader.read();
  }
  return {};
}

Task<std::string> Listener::view_of(StreamReader reader, const Read& read) {
  if (read.kind == Kind::line_view) {
    const BytesView line = co_await reader.readline_view();
    co_return line.to_string();
  }
  if (read.kind == Kind::exactly_view) {
    const BytesView bytes = co_await reader.readexactly_view(read.count);
    co_return bytes.to_string();
  }
  const BytesView bytes = co_await reader.read_view(read.count);
  co_return bytes.to_string();
}

Task<std::string> Listener::into_memory(StreamReader reader, const Read& read) {
  std::string memory(read.count, '?');
  std::size_t count = 0;
  if (read.kind == Kind::into) {
    count = co_await reader.read_into(MutableBytesView(memory.data(), memory.size()));
  } else {
    count = co_await reader.readexactly_into(MutableBytesView(memory.data(), memory.size()));
  }
  memory.resize(count);
  co_return memory;
}

Task<> Listener::disturb(StreamReader reader) {
  while (!is_at_end_ && !stage_.is_finale) {
    auto pause = sleep(1ms + stage_.some_time(3s));
    co_await std::move(pause);
    if (!is_reading_) continue;
    std::string outcome = "a result";
    try {
      auto reading = reader.read(1);
      static_cast<void>(co_await std::move(reading));
    } catch (const InvalidStateError&) {
      continue;
    } catch (const std::system_error&) {
      co_return;  // the connection has failed, which comes first
    } catch (const CancelledError&) {
      throw;
    } catch (...) {
      outcome = describe(std::current_exception());
    }
    fault("a second read at the same time has ended with " + outcome);
  }
}

// --- what came of it -------------------------------------------------------------------------------

void Listener::compare(BytesView bytes, Flow& flow) {
  if (!flow.arrived(bytes))
    fault(fmt::format("read other bytes than were written, among {} before {}", bytes.size(),
                      flow.received_bytes()));
}

void Listener::check(const Read& read, Flow& flow) {
  stage_.diary.note(number_, read.failure == nullptr ? "read" : "has not read",
                    static_cast<std::int64_t>(read.got.size()));
  if (read.failure == nullptr) return check_result(read, flow);
  try {
    std::rethrow_exception(read.failure);
  } catch (const TimeoutError&) {
    if (!read.limit) fault("a read without a time-out has ended with one");  // else it has taken nothing
  } catch (const IncompleteReadError& error) {
    check_incomplete(read, error, flow);
  } catch (const LimitOverrunError& error) {
    const bool is_until = read.kind == Kind::until || read.kind == Kind::until_any;
    if (!is_until || error.consumed() <= limit_)
      fault(fmt::format("LimitOverrunError for {} bytes, with a limit of {}", error.consumed(), limit_));
    consumed_ = error.consumed();
  } catch (const LineTooLongError&) {
    if (read.kind != Kind::line && read.kind != Kind::line_view)
      fault("LineTooLongError, and no line was read");
    has_lost_place_ = true;
  } catch (const std::system_error& error) {
    if (was_cut_ || error.code() != TlsErrc::truncated) std::rethrow_exception(read.failure);
    was_cut_ = true;
  } catch (...) {
    fault("a read has ended with: " + describe(read.failure));
  }
}

void Listener::check_result(const Read& read, Flow& flow) {
  if (has_lost_place_) return found_again(read, flow);
  compare(read.got, flow);
  const std::size_t size_bytes = read.got.size();
  switch (read.kind) {
    case Kind::some:
    case Kind::view:
    case Kind::into:
      if (size_bytes > read.count) fault("read more than was asked for");
      if (size_bytes == 0 && read.count > 0) is_at_end_ = true;
      break;
    case Kind::exactly:
    case Kind::exactly_view:
    case Kind::exactly_into:
      if (size_bytes != read.count) fault("readexactly has not read exactly that much");
      break;
    case Kind::until:
    case Kind::until_any:
    case Kind::line:
    case Kind::line_view:
      check_separator(read);
      break;
    case Kind::all:
      is_at_end_ = true;
      break;
  }
}

void Listener::check_separator(const Read& read) {
  const std::string_view got = read.got;
  if (read.kind == Kind::until_any) {
    const bool is_right = (got.ends_with("\n") || got.ends_with("ab")) && !holds_before_end(got, "\n") &&
                          !holds_before_end(got, "ab");
    if (!is_right) fault("readuntil has not read until the first of its separators");
    if (got.size() > limit_ + 2) fault("readuntil has read more than the limit");
    return;
  }
  const bool is_line = read.kind == Kind::line || read.kind == Kind::line_view;
  const bool has_separator = got.ends_with(read.separator);
  if (is_line && !has_separator) {
    is_at_end_ = true;  // the last line, or none
  } else if (!has_separator || holds_before_end(got, read.separator)) {
    fault("what was read does not end with the first separator");
  }
  if (got.size() > limit_ + read.separator.size()) fault("what was read is longer than the limit");
}

void Listener::check_incomplete(const Read& read, const IncompleteReadError& error, Flow& flow) {
  is_at_end_ = true;
  if (has_lost_place_) return;
  const bool is_exact =
      read.kind == Kind::exactly || read.kind == Kind::exactly_view || read.kind == Kind::exactly_into;
  const bool is_until = read.kind == Kind::until || read.kind == Kind::until_any;
  if (!is_exact && !is_until) fault("IncompleteReadError of a read that takes what there is");
  if (is_exact && (error.expected() != read.count || error.partial().size() >= read.count))
    fault("IncompleteReadError does not say what was asked for");
  compare(error.partial(), flow);
}

/// A line was dropped: it was longer than the limit, with or without its end.
void Listener::found_again(const Read& read, Flow& flow) {
  const std::string_view dropped = flow.skipped_to(read.got);
  if (dropped.size() <= limit_ || holds_before_end(dropped, "\n"))
    fault(fmt::format("LineTooLongError has dropped {} bytes, with a limit of {}", dropped.size(), limit_));
  has_lost_place_ = false;
  compare(read.got, flow);
}

}  // namespace tidegate::workload
