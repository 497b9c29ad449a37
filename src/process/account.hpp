// Users and groups by name or number.
#pragma once

#include <tidegate/subprocess.hpp>

#include <optional>

#include <sys/types.h>

namespace tidegate::process {

/// The number of a user or a group; none for an account that is neither. Throws std::invalid_argument for a
/// name that nobody has, OsError where that can't be found out.
[[nodiscard]] std::optional<uid_t> user_number(const Account& account);
[[nodiscard]] std::optional<gid_t> group_number(const Account& account);

}  // namespace tidegate::process
