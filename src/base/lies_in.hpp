// Whether some bytes are a part of others. Pure.
#pragma once

#include <tidegate/bytes.hpp>

#include <functional>

namespace tidegate::base {

[[nodiscard]] inline bool lies_in(BytesView part, BytesView whole) noexcept {
  const std::less_equal<> not_after;  // the two may be of different arrays
  return not_after(whole.data(), part.data()) &&
         not_after(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace tidegate::base
