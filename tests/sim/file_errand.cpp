// See file_errand.hpp.
#include "sim/file_errand.hpp"

#include "sim/stage.hpp"
#include "sim/stream_end.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tidegate::workload {

void FileErrand::note(const char* what, std::size_t number) {
  stage_.diary.note(end_.number(), what, static_cast<std::int64_t>(number));
}

void FileErrand::fault(const std::string& what) const { stage_.diary.fault(end_.number(), what); }

// --- what is done ----------------------------------------------------------------------------------

void FileErrand::begin() {
  if (task_ && !task_.done()) {
    if (is_under_way()) stage_.loop.create_task(ask_twice());
    return;
  }
  if (files_sent_ >= stage_.mood.files || has_lost_count_) return;
  ++files_sent_;
  task_ = stage_.loop.create_task(send_some());
}

void FileErrand::meddle() {
  if (!is_under_way()) return;
  Errand& errand = *under_way_;
  const bool is_given_up = errand.is_pipe || stage_.random.chance(60);
  if (is_given_up) {
    note("cancel a file", 0);
    errand.was_cancelled = true;
    static_cast<void>(task_.cancel());
  } else if (stage_.random.chance(70)) {
    const std::uint64_t size_bytes = stage_.random.below(errand.file_size + 1);  // never longer again
    note("cut a file", size_bytes);
    errand.was_cut = true;
    errand.file_size = size_bytes;
    errand.file.set_size(size_bytes);
  } else if (!errand.was_cut && errand.file_size > 0) {  // an empty one may be one of /proc, and not be empty
    note("make a file longer", 0);
    errand.file.set_size(errand.file_size + 1 + stage_.some_size(100'000));
  }
}

void FileErrand::check_memory(std::size_t high) const {
  if (!is_under_way() || !end_.transport()) return;
  const Errand& errand = *under_way_;
  const std::size_t held = end_.transport()->get_write_buffer_size();
  const bool passes_through_program = errand.is_secured || errand.is_pipe;
  const std::size_t most = std::max(errand.held_bytes, high + kPieceBytes);
  const std::size_t wrapping = errand.is_secured ? 512 + most / 8 : 0;  // records of TLS
  const std::size_t allowed = passes_through_program ? most + wrapping : errand.held_bytes;
  if (held > allowed) fault(fmt::format("holds {} bytes in the middle of a file (F6)", held));
}

/// Something before it, something behind it, and how much of that is asked for.
FileErrand::Errand FileErrand::some_errand() {
  Random& random = stage_.random;
  const TransportRef& transport = end_.transport();
  const bool is_pipe = random.chance(10);
  const bool has_no_place = is_pipe && random.chance(20);  // an offset, which a pipe does not have
  // More than is in memory at a time.
  const bool is_large = end_.is_secured() && !is_pipe && random.chance(10);
  const std::size_t size_bytes =
      has_no_place || random.chance(5) ? 0
      : is_large                       ? 4 * kPieceBytes
                 : stage_.some_size(is_pipe ? SentFile::kMostInPipe / 2 : stage_.mood.largest_file_bytes);
  std::string bytes = size_bytes == 0 ? std::string() : outgoing_.next(random, size_bytes);
  const std::size_t before = is_pipe ? 0 : stage_.some_size(20'000);
  const std::size_t behind = random.chance(50) ? stage_.some_size(20'000) : 0;
  std::string content(before, 'b');
  content += bytes;
  content.append(behind, 'e');
  SendfileOptions options{.offset = before, .fallback = random.chance(80)};
  if (behind > 0) {
    options.count = bytes.size();
  } else if (random.chance(50)) {
    options.count = bytes.size() + stage_.some_size(1'000'000);  // it is shorter than that
  }
  if (has_no_place) options.offset = 1 + stage_.some_size(1000);
  const bool was_refused = transport->is_closing() || end_.has_written_eof();
  // From behind its end there is nothing to be sent either.
  if (bytes.empty() && !is_pipe && random.chance(50))
    options.offset = content.size() + stage_.some_size(1000);
  Errand errand{.file = is_pipe ? SentFile::pipe(content) : SentFile::regular(content),
                .is_pipe = is_pipe,
                .is_secured = end_.is_secured(),
                .options = options,
                .bytes = std::move(bytes),
                .file_size = content.size(),
                .marker = content.size() + 2'000'000 + stage_.some_size(1000),
                .was_refused = was_refused,
                .held_bytes = transport->get_write_buffer_size()};
  if (!is_pipe) errand.file.set_position(errand.marker);
  return errand;
}

Task<> FileErrand::send_some() {
  if (!end_.may_send_file()) co_return;
  Errand errand = some_errand();
  note("sendfile", errand.bytes.size());
  under_way_ = &errand;
  std::exception_ptr failure;
  std::uint64_t told_bytes = 0;
  try {
    auto sending = stage_.loop.sendfile(end_.transport(), errand.file.descriptor(), errand.options);
    told_bytes = co_await std::move(sending);
  } catch (...) {
    failure = std::current_exception();
  }
  under_way_ = nullptr;
  check_end(errand, told_bytes, failure);
}

/// Somebody else does not see that one is on its way already.
Task<> FileErrand::ask_twice() {
  if (!is_under_way() || !end_.transport() || end_.transport()->is_closing()) co_return;
  note("sendfile at the same time", 0);
  const SentFile other = SentFile::regular("never to be sent");
  std::exception_ptr failure;
  try {
    auto sending = stage_.loop.sendfile(end_.transport(), other.descriptor());
    static_cast<void>(co_await std::move(sending));
  } catch (const InvalidStateError&) {
    co_return;
  } catch (...) {
    failure = std::current_exception();
  }
  fault("two files at the same time: " + (failure == nullptr ? "both were sent" : describe(failure)) +
        " (N1)");
}

// --- what comes of it ------------------------------------------------------------------------------

/// What was sent is what the position of the file says, however that has ended; the rest is nobody's.
void FileErrand::check_end(Errand& errand, std::uint64_t told_bytes, const std::exception_ptr& failure) {
  note(failure == nullptr ? "a file was sent" : "a file was not sent", told_bytes);
  if (!is_right(errand, failure)) return;
  if (errand.is_pipe) return pipe_has_ended(errand, told_bytes, failure);
  const std::uint64_t position = errand.file.position();
  const std::uint64_t sent_bytes = position == errand.marker ? 0 : position - errand.options.offset;
  if (sent_bytes > errand.bytes.size())
    return fault(fmt::format("the position of a file is at {} behind {} bytes from {} on (N1)", position,
                             errand.bytes.size(), errand.options.offset));
  if (failure == nullptr && told_bytes != sent_bytes)
    return fault(fmt::format("sendfile says {}, and the file's position {} (N1)", told_bytes, sent_bytes));
  if (failure == nullptr && !errand.was_cut && sent_bytes != errand.bytes.size())
    return fault(fmt::format("sendfile has sent {} of {} bytes (N1)", sent_bytes, errand.bytes.size()));
  if (!outgoing_.take_back(errand.bytes.size() - sent_bytes))
    fault(fmt::format("more has arrived than the {} bytes that sendfile has sent (N1)", sent_bytes));
}

/// What was read of it and not sent is gone, and nobody can say how much that was: only where it has ended in
/// order more may follow.
void FileErrand::pipe_has_ended(const Errand& errand, std::uint64_t told_bytes,
                                const std::exception_ptr& failure) {
  if (failure == nullptr) {
    if (told_bytes != errand.bytes.size())
      fault(fmt::format("sendfile has sent {} of {} bytes of a pipe (N1)", told_bytes, errand.bytes.size()));
    return;
  }
  const bool nothing_was_sent = errand.was_refused || !errand.options.fallback || errand.options.offset > 0;
  if (nothing_was_sent) {
    if (!outgoing_.take_back(errand.bytes.size())) fault("a file has arrived that was refused (N1)");
    return;
  }
  outgoing_.may_be_cut_by(errand.bytes.size());
  has_lost_count_ = true;
  if (!end_.transport() || end_.transport()->is_closing()) return;
  end_.abort();
}

/// Whether it may have ended like that.
bool FileErrand::is_right(const Errand& errand, const std::exception_ptr& failure) const {
  const bool is_closing = !end_.is_open() || !end_.transport() || end_.transport()->is_closing();
  bool is_right = false;
  try {
    if (failure != nullptr) std::rethrow_exception(failure);
    is_right = !errand.was_refused;
  } catch (const CancelledError&) {
    is_right = errand.was_cancelled;
  } catch (const InvalidStateError&) {
    is_right = errand.was_refused;
  } catch (const SendfileNotAvailableError&) {
    is_right = !errand.options.fallback && (errand.is_secured || errand.is_pipe);
  } catch (const std::system_error& error) {
    const bool has_no_place = errand.is_pipe && errand.options.offset > 0;
    is_right =
        is_closing || (has_no_place && error.code() == std::error_code(ESPIPE, std::system_category()));
  } catch (const Mischief&) {
    is_right = is_closing;  // what a callback has thrown ends the connection (L7)
  } catch (...) {
    is_right = false;
  }
  if (is_right) return true;
  stage_.diary.fault(end_.number(), "sendfile has ended with: " +
                                        (failure == nullptr ? "a result" : describe(failure)) + " (N1)");
  return false;
}

}  // namespace tidegate::workload
