#include "tls/openssl/key_log.hpp"

#include <tidegate/error.hpp>

#include "net/printable.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate::tls {

namespace {

[[noreturn]] void throw_errno(std::string_view verb, const std::string& path) {
  throw OsError({errno, std::system_category()}, fmt::format("{} key log '{}'", verb, net::printable(path)));
}

OwnedFileDescriptor open_for_appending(const std::string& path) {
  if (path.empty()) return {};
  errno = ENOENT;
  if (path.find('\0') != std::string::npos) throw_errno("open", path);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
  OwnedFileDescriptor file(FileDescriptor{::open(path.c_str(), kFlags, S_IRUSR | S_IWUSR)});
  if (!file.valid()) throw_errno("open", path);
  return file;
}

}  // namespace

KeyLog::KeyLog(Callback callback, const std::string& file)
    : callback_(std::move(callback)), path_(file), file_(open_for_appending(file)) {}

void KeyLog::write(std::string_view line) const {
  if (file_.valid()) {
    // One call, so that lines of several threads and processes stay whole.
    std::string text(line);
    text += '\n';
    if (::write(file_.get().number, text.data(), text.size()) < 0) throw_errno("write to", path_);
  }
  if (callback_) callback_(line);
}

}  // namespace tidegate::tls
