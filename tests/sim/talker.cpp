// See talker.hpp.
#include "sim/talker.hpp"

#include "sim/tls_terms.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::workload {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMostWrites = 40;

}  // namespace

Talker::Talker(Stage& stage, unsigned number, std::size_t limit, bool connects, bool secured)
    : stage_(stage),
      number_(number),
      limit_(limit),
      connects_(connects),
      secured_(secured),
      preface_bytes_(stage.some_size(5000)),
      goes_secure_(connects && has_tls() && stage.random.chance(10)),
      outgoing_(number),
      listener_(stage, number, limit) {}

// --- from the beginning to the end -----------------------------------------------------------------

Task<> Talker::talk(StreamReader reader, StreamWriter writer) {
  transport_ = writer.transport();
  note("talks", limit_);
  std::exception_ptr failure;
  try {
    auto talking = talk_in_order(std::move(reader), std::move(writer));
    co_await std::move(talking);
  } catch (...) {
    failure = std::current_exception();
  }
  is_over_ = true;
  note("has talked", outgoing_.received_bytes());
  // All handles are gone, and with them the stream; those that a server has given, soon.
  if (connects_ && !transport_->is_closing()) fault("a stream that nobody holds is not closing");
  if (failure != nullptr) check_failure(failure);
}

void Talker::check_failure(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const CancelledError&) {
    throw;
  } catch (const IncompleteReadError&) {
    // of the beginning: the other end has left
  } catch (const std::system_error&) {
    // of the connection
  } catch (const TimeoutError&) {
    // of start_tls
  } catch (...) {
    fault("a stream has ended with: " + describe(failure));
  }
}

Task<> Talker::talk_in_order(StreamReader reader, StreamWriter writer) {
  auto beginning = begin(reader, writer);
  co_await std::move(beginning);
  const bool is_disturbed = stage_.random.chance(20);
  // The handles are the tasks' from here on.
  const auto both = [this, is_disturbed, &reader, &writer](TaskGroup& group) -> Task<> {
    static_cast<void>(group.create_task(hear(reader)));
    if (is_disturbed) static_cast<void>(group.create_task(listener_.disturb(reader)));
    reader = StreamReader();
    auto speaking = speak(std::exchange(writer, StreamWriter()));
    co_await std::move(speaking);
  };
  std::exception_ptr failure;
  try {
    auto talking = task_group(both);
    co_await std::move(talking);
  } catch (const ExceptionGroup& group) {
    failure = group.exceptions().front();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

/// Names, and what else is said in the clear.
Task<> Talker::begin(StreamReader reader, StreamWriter writer) {
  writer.write(outgoing_.next(stage_.random, preface_bytes_));
  auto hearing = listener_.read_first(reader, Flow::kNameBytes);
  const std::string name = co_await std::move(hearing);
  peer_ = stage_.find_talker(Flow::writer_of(name));
  if (peer_ == nullptr) co_return fault("heard of somebody who is not there");
  if (!peer_->outgoing_.arrived(name)) co_return fault("heard a name that nobody has said");
  const bool goes_secure = goes_secure_ || peer_->goes_secure_;
  if (!goes_secure) co_return;
  auto hearing_all = listener_.read_first(reader, peer_->preface_bytes_);
  const std::string preface = co_await std::move(hearing_all);
  if (!peer_->outgoing_.arrived(preface)) co_return fault("heard something else in the clear than was said");
  auto securing = secure(writer);
  co_await std::move(securing);
}

Task<> Talker::secure(StreamWriter writer) {
  note("start_tls");
  StartTlsOptions options;
  if (connects_) options.server_hostname = "localhost";
  if (stage_.random.chance(10)) options.tls_handshake_timeout = 1us + stage_.some_time(2s);
  const auto limit = stage_.random.chance(10) ? std::optional<Duration>(stage_.some_time(2s)) : std::nullopt;
  if (transport_->is_closing()) co_return;  // it would be refused
  aborted_ = true;                          // which is what it comes to where it fails
  auto securing = wait_for(writer.start_tls(connects_ ? client_context() : server_context(), options), limit);
  co_await std::move(securing);
  aborted_ = false;
  transport_ = writer.transport();
  secured_ = true;
  note("upgraded");
  if (tls_object(*transport_) == nullptr) fault("start_tls has left a stream in the clear (T5)");
}

void Talker::finish(bool aborts) {
  // Both ends may have closed with more to be sent than the sockets hold: then nothing but abort ends it.
  if (is_over_ || !transport_ || (transport_->is_closing() && !aborts)) return;
  outgoing_.ends_here_or_later();
  says_no_more_ = true;
  may_be_closed();
  if (aborts) {
    aborted_ = true;
    transport_->abort();
  } else {
    transport_->close();
  }
}

void Talker::check_end() {
  if (transport_ && !is_over_) fault("a stream's task has not ended");
  const bool has_heard_all = listener_.has_heard_all() && !closed_;
  if (peer_ == nullptr || !has_heard_all || peer_->aborted_) return;
  if (!peer_->outgoing_.is_complete())
    fault(fmt::format("has heard the end after {} bytes of {} that {} has said (W1)",
                      peer_->outgoing_.received_bytes(), peer_->outgoing_.written_bytes(), peer_->number_));
}

// --- hearing ---------------------------------------------------------------------------------------

Task<> Talker::hear(StreamReader reader) {
  auto listening = listener_.listen(std::move(reader), peer_->outgoing_);
  co_await std::move(listening);
}

/// What has arrived here and was not read is twice the limit at most: the rest is with the kernel, or with
/// whoever sends.
void Talker::check_memory() {
  if (peer_ == nullptr || secured_ || transport_->is_closing() || peer_->closed_ || peer_->is_over_) return;
  const std::size_t with_us =
      outgoing_.left_bytes() - std::min(outgoing_.left_bytes(), transport_->get_write_buffer_size());
  const std::size_t asked_for = peer_->listener_.most_asked_bytes();
  // Beside the limit there may be the beginning of a separator.
  const std::size_t most = std::max(2 * peer_->limit_ + 2, asked_for) + stage_.most_kernel_bytes();
  if (with_us > most)
    fault(fmt::format("{} holds {} bytes that it has not read, with a limit of {}: more than {}",
                      peer_->number_, with_us, peer_->limit_, most));
}

// --- speaking --------------------------------------------------------------------------------------

Task<> Talker::speak(StreamWriter writer) {
  const std::size_t writes = stage_.some_size(std::min(stage_.mood.writes, kMostWrites));
  for (std::size_t at = 0; at < writes && !says_no_more_; ++at) {
    if (writer.is_closing()) break;
    write_some(writer);
    check_memory();
    if (stage_.random.chance(80)) {
      auto waiting = wait_for_room(writer);
      co_await std::move(waiting);
    }
    if (stage_.random.chance(40)) {
      auto pause = sleep(stage_.some_time(1s));
      co_await std::move(pause);
    }
  }
  auto leaving = leave(writer);
  co_await std::move(leaving);
}

void Talker::write_some(const StreamWriter& writer) {
  Random& random = stage_.random;
  if (random.chance(5)) {
    const std::size_t high = stage_.some_size(100'000);
    highest_mark_ = std::max(highest_mark_, high);
    writer.transport()->set_write_buffer_limits({.high = high});
  }
  std::string bytes = outgoing_.next(random, 1 + stage_.some_size(stage_.mood.largest_write_bytes));
  note("says", bytes.size());
  const std::size_t cut = random.below(bytes.size() + 1);
  if (random.chance(30)) {
    const std::vector<BytesView> pieces{BytesView(bytes).first(cut), BytesView(bytes).drop(cut)};
    writer.writelines(pieces);
  } else if (random.chance(50)) {
    writer.write(Chunk(std::move(bytes)));
  } else {
    writer.write(bytes);
    std::fill(bytes.begin(), bytes.end(), 'X');  // it is ours again (W2)
  }
}

/// `drain`, by several at a time, and with time-outs that none but whoever has them gets to feel.
Task<> Talker::wait_for_room(StreamWriter writer) {
  const Future<void> other = writer.drain();
  const auto limit = stage_.random.chance(20) ? std::optional<Duration>(stage_.some_time(1s)) : std::nullopt;
  bool in_time = true;
  auto draining = wait_for(writer.drain(), limit);
  try {
    co_await std::move(draining);
  } catch (const TimeoutError&) {
    in_time = false;
  }
  if (!in_time) {
    if (!limit) fault("drain has timed out without a time-out");
    if (other.cancelled()) fault("a drain was cancelled with another one");
    auto waiting = wait_for(other, std::nullopt);
    co_await std::move(waiting);
  } else if (!other.done()) {
    fault("of two that wait for a drain, one was forgotten");
  }
  if (writer.is_closing()) co_return;
  const std::size_t held = writer.transport()->get_write_buffer_size();
  const std::size_t wrapping = secured_ ? 512 + highest_mark_ / 8 : 0;
  if (held > highest_mark_ + wrapping) fault(fmt::format("holds {} bytes behind a drain (F6)", held));
}

Task<> Talker::leave(StreamWriter writer) {
  if (says_no_more_) co_return;
  switch (stage_.random.below(6)) {
    case 0:
    case 1:
      if (!writer.can_write_eof() || writer.is_closing()) co_return;
      note("write_eof");
      writer.write_eof();
      co_return;  // and goes on listening
    case 2:
    case 3: {
      note("close");
      may_be_closed();
      writer.close();
      if (!writer.is_closing()) fault("close() has returned, and is_closing() is false (L4)");
      const auto limit =
          stage_.random.chance(20) ? std::optional<Duration>(stage_.some_time(1s)) : std::nullopt;
      auto closing = wait_for(writer.wait_closed(), limit);
      try {
        co_await std::move(closing);
      } catch (const TimeoutError&) {
        co_return;
      }
      co_return;
    }
    case 4:
      if (!stage_.random.chance(20)) co_return;
      note("abort");
      may_be_aborted();
      writer.transport()->abort();
      co_return;
    default:
      co_return;  // whoever listens holds it still
  }
}

}  // namespace tidegate::workload
