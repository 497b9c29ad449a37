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

// --- sending -------------------------------------------------------------------------------------

Future<void> FileSending::send(FileToSend& file) {
  Future<void> sending = wait_.begin(transport_.core_.loop());
  if (wait_.is_pending()) {
    file_ = &file;
    waits_for_buffer_ = true;
    buffer_has_drained();
  }
  return sending;
}

Future<void> FileSending::wait_for_room() {
  Future<void> waiting = wait_.begin(transport_.core_.loop());
  buffer_has_drained();
  return waiting;
}

void FileSending::buffer_has_drained() {
  if (file_ == nullptr) {
    const WriteBufferLimits limits = transport_.flow_.limits();
    // As a protocol would see it that is paused and resumed.
    if (transport_.buffer_.size() <= (transport_.flow_.paused() ? limits.low : limits.high)) wait_.succeed();
  } else if (waits_for_buffer_ && transport_.buffer_.empty()) {
    waits_for_buffer_ = false;
    begin();
  }
}

void FileSending::begin() {
  if (file_->left == 0) return sent(0);
  // Where the operation is in flight it was cancelled for the last file, and has yet to be told.
  if (!in_flight()) sent(transport_.core_.backend().try_send_file(transport_.channel_, part()));
}

kernel::FilePart FileSending::part() {
  const auto size_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file_->left, kTurnBytes));
  return {.file = file_->file, .offset = file_->next, .size_bytes = size_bytes};
}

void FileSending::completed(int result) {
  const loop::LoopCore::CallbackTimer timer(transport_.core_);
  if (file_ != nullptr && result != -ECANCELED) {
    sent(result);
  } else if (file_ != nullptr && !waits_for_buffer_) {
    begin();  // the next one, for which the last has stood in the way
  } else {
    transport_.operation_ended();
  }
}

/// What became of a part.
void FileSending::sent(std::ptrdiff_t result) {
  if (result < 0 && result != -EAGAIN) return refused(static_cast<int>(-result));
  if (result > 0) file_->move_on(static_cast<std::uint64_t>(result));
  const bool is_at_end = result == 0 || file_->left == 0;  // 0: the file has become shorter
  if (!is_at_end && wait_.is_pending()) {
    transport_.core_.backend().start(*this, transport_.channel_);
  } else {
    file_ = nullptr;
    wait_.succeed();
  }
}

void FileSending::refused(int error) {
  file_ = nullptr;
  if (is_of_connection(error)) {
    transport_.on_write_error(error);  // which comes back here
  } else if (is_of_kind_of_file(error)) {
    wait_.fail(std::make_exception_ptr(
        SendfileNotAvailableError("sendfile: the kernel can't send from this kind of file")));
  } else {
    wait_.fail(std::make_exception_ptr(OsError(std::error_code(error, std::system_category()), "sendfile")));
  }
}

// --- the end -------------------------------------------------------------------------------------

void FileSending::stop() noexcept {
  file_ = nullptr;
  transport_.core_.backend().cancel(*this, transport_.channel_);
}

void FileSending::connection_ends(const Error& reason) {
  stop();
  wait_.connection_ends(reason);
}

void FileSending::end() noexcept {
  stop();
  wait_.reset();
}

}  // namespace tidegate::transport
