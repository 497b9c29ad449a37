// A handle in an option structure: a reference that may be empty, and that owns nothing.
#pragma once

namespace tidegate {

/// What an option structure carries where a call wants a handle, such as a TlsContext: `{.tls = context}`. It
/// refers to the caller's; the call takes its own share before it returns. A temporary is refused at compile
/// time: give it a name. (Options own nothing because GCC 12 destroys temporaries that do twice where they
/// stand inside of `co_await`.)
///
/// Lifetime: the handle stays until the call that is given the options returns.
template <typename Handle>
class Borrowed {
 public:
  /// None.
  constexpr Borrowed() noexcept = default;
  constexpr Borrowed(const Handle& handle) noexcept  // NOLINT(google-explicit-constructor)
      : handle_(&handle) {}
  Borrowed(const Handle&&) = delete;

  /// A share of it; an empty handle for none.
  [[nodiscard]] Handle get() const { return handle_ == nullptr ? Handle() : *handle_; }

 private:
  const Handle* handle_ = nullptr;
};

}  // namespace tidegate
