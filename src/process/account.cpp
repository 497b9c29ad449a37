// Users and groups by name or number: see account.hpp.
#include "process/account.hpp"

#include <tidegate/error.hpp>

#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <grp.h>
#include <pwd.h>

namespace tidegate::process {

namespace {

constexpr std::size_t kFirstBytes = 1024;

/// Calls `look_up(entry, buffer, size, found)`, one of the get..._r family, with ever more room.
template <typename Entry, typename LookUp>
Entry entry_of(const std::string& name, const char* kind, std::vector<char>& room, const LookUp& look_up) {
  for (room.resize(kFirstBytes);; room.resize(room.size() * 2)) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = look_up(&entry, room.data(), room.size(), &found);
    if (error == ERANGE) continue;
    if (found != nullptr) return entry;
    if (error == 0 || error == ENOENT || error == ESRCH)
      throw std::invalid_argument(std::string("there is no ") + kind + " named \"" + name + "\"");
    throw OsError(std::error_code(error, std::system_category()),
                  std::string("look up the ") + kind + " " + name);
  }
}

/// The number that was given, if any. -1 means "as it is" to the kernel, which is nobody's wish here.
std::optional<unsigned> given_number(const Account& account, const char* kind) {
  if (account.number() == std::numeric_limits<unsigned>::max())
    throw std::invalid_argument(std::string(kind) + " -1 is no " + kind);
  return account.number();
}

}  // namespace

std::optional<uid_t> user_number(const Account& account) {
  if (!account.name()) return given_number(account, "user");
  const std::string name(*account.name());
  std::vector<char> room;
  return entry_of<passwd>(name, "user", room,
                          [&](passwd* entry, char* memory, std::size_t size, passwd** found) {
                            return ::getpwnam_r(name.c_str(), entry, memory, size, found);
                          })
      .pw_uid;
}

std::optional<gid_t> group_number(const Account& account) {
  if (!account.name()) return given_number(account, "group");
  const std::string name(*account.name());
  std::vector<char> room;
  return entry_of<group>(name, "group", room,
                         [&](group* entry, char* memory, std::size_t size, group** found) {
                           return ::getgrnam_r(name.c_str(), entry, memory, size, found);
                         })
      .gr_gid;
}

}  // namespace tidegate::process
