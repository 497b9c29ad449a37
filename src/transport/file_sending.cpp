// A file on its way out: see file_sending.hpp.
#include "transport/file_sending.hpp"

#include "transport/stream_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidegate::transport {

namespace {

/// What a connection may send in one turn of the loop (contract E5), which is also what it may receive.
/// Larger parts save nothing that can be measured: a call of this size costs a hundred times as much as the
/// wait between two.
constexpr std::size_t kTurnBytes = std::size_t{512} * 1024;

}  // namespace

bool is_of_connection(int error) noexcept {
  switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ENOTCONN:
    case ESHUTDOWN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
      return true;
    default:
      return false;
  }
}

bool is_of_kind_of_file(int error) noexcept {
  // EINVAL: it can't be mapped, or what it would go to appends. ESPIPE: it has no positions.
  return error == EINVAL || error == ESPIPE || error == ENOSYS || error == EOPNOTSUPP;
}

// --- waiting -------------------------------------------------------------------------------------

const Future<void>& FileSending::wait() {
  waiting_ = transport_.core_.loop().create_future();
  waiting_.core()->silence();  // who waits may be cancelled while the failure is on its way
  return waiting_;
}

void FileSending::finish(std::exception_ptr failure) {
  file_ = nullptr;
  const Future<void> waiting = std::exchange(waiting_, Future<void>());
  if (!waiting || waiting.done()) return;  // given up
  if (failure != nullptr) {
    waiting.set_exception(std::move(failure));
  } else {
    waiting.set_result();
  }
}

Future<void> FileSending::wait_for_drain(std::size_t at_most_bytes) {
  const Future<void> waiting = wait();
  at_most_bytes_ = at_most_bytes;
  if (failure_ != nullptr) {
    finish(failure_);
  } else {
    drained_to(transport_.buffer_.size());
  }
  return waiting;
}

void FileSending::drained_to(std::size_t size_bytes) {
  if (file_ == nullptr && size_bytes <= at_most_bytes_) finish();
}

// --- sending -------------------------------------------------------------------------------------

Future<void> FileSending::send(FileToSend& file) {
  const Future<void> waiting = wait();
  if (failure_ != nullptr) {
    finish(failure_);
  } else if (file.left == 0) {
    finish();
  } else {
    file_ = &file;
    // Where it is in flight it was cancelled for the last file and has yet to be told; that begins this one.
    if (!in_flight()) sent(transport_.core_.backend().try_send_file(transport_.channel_, part()));
  }
  return waiting;
}

kernel::FilePart FileSending::part() {
  const auto size_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file_->left, kTurnBytes));
  return {.file = file_->file, .offset = file_->next, .size_bytes = size_bytes};
}

void FileSending::completed(int result) {
  const loop::LoopCore::CallbackTimer timer(transport_.core_);
  if (result != -ECANCELED) {
    sent(result);
  } else if (file_ != nullptr) {
    transport_.core_.backend().start(*this, transport_.channel_);  // the next one has begun
  } else {
    transport_.operation_ended();
  }
}

/// What became of a part.
void FileSending::sent(std::ptrdiff_t result) {
  if (result < 0 && result != -EAGAIN) return refused(static_cast<int>(-result));
  if (result > 0) {
    file_->next += static_cast<std::uint64_t>(result);
    file_->left -= static_cast<std::uint64_t>(result);
  }
  const bool is_at_end = result == 0 || file_->left == 0;  // 0: it has become shorter
  const bool is_given_up = waiting_.done();
  if (is_at_end || is_given_up) return finish();
  transport_.core_.backend().start(*this, transport_.channel_);
}

void FileSending::refused(int error) {
  if (is_of_connection(error)) {
    file_ = nullptr;
    transport_.on_write_error(error);  // fails this as well
  } else if (is_of_kind_of_file(error)) {
    finish(std::make_exception_ptr(
        SendfileNotAvailableError("sendfile: the kernel can't send from this kind of file")));
  } else {
    finish(std::make_exception_ptr(OsError(std::error_code(error, std::system_category()), "sendfile")));
  }
}

// --- the end -------------------------------------------------------------------------------------

void FileSending::stop() noexcept {
  file_ = nullptr;
  transport_.core_.backend().cancel(*this, transport_.channel_);
}

void FileSending::fail(const Error& reason) {
  const Error closed(std::make_error_code(std::errc::connection_aborted), "sendfile");
  failure_ = (reason ? reason : closed).exception();
  stop();
  finish(failure_);
}

void FileSending::check() const {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void FileSending::end() noexcept {
  stop();
  waiting_ = Future<void>();
  failure_ = nullptr;
}

}  // namespace tidegate::transport
