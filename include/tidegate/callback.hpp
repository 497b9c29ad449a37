// Something to be called later: a callable that is moved, never copied, and seldom costs an allocation.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tidegate {

template <typename Signature>
class UniqueFunction;

/// A move-only std::function. Callables of up to four words that move without throwing are kept inside;
/// larger ones on the heap. An empty one must not be called.
template <typename Result, typename... Arguments>
class UniqueFunction<Result(Arguments...)> {
 public:
  UniqueFunction() noexcept = default;
  UniqueFunction(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)

  template <typename Callable>
  requires(!std::is_same_v<std::remove_cvref_t<Callable>, UniqueFunction> &&
           std::is_invocable_r_v<Result, std::decay_t<Callable>&, Arguments...>)
      UniqueFunction(Callable&& callable) {  // NOLINT(google-explicit-constructor)
    using Stored = std::decay_t<Callable>;
    if constexpr (fits_inside<Stored>) {
      ::new (static_cast<void*>(storage_)) Stored(std::forward<Callable>(callable));
      table_ = &kInside<Stored>;
    } else {
      ::new (static_cast<void*>(storage_)) Stored*(new Stored(std::forward<Callable>(callable)));
      table_ = &kOutside<Stored>;
    }
  }

  UniqueFunction(UniqueFunction&& other) noexcept : table_(other.table_) {
    if (table_ != nullptr) table_->relocate(other.storage_, storage_);
    other.table_ = nullptr;
  }

  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this == &other) return *this;
    reset();
    if (other.table_ != nullptr) other.table_->relocate(other.storage_, storage_);
    table_ = std::exchange(other.table_, nullptr);
    return *this;
  }

  UniqueFunction& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }

  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;

  ~UniqueFunction() { reset(); }

  /// Calls it. REQUIRES: not empty.
  Result operator()(Arguments... arguments) {
    return table_->invoke(storage_, std::forward<Arguments>(arguments)...);
  }

  explicit operator bool() const noexcept { return table_ != nullptr; }

 private:
  static constexpr std::size_t kInsideBytes = 4 * sizeof(void*);

  struct Table {
    Result (*invoke)(void*, Arguments&&...);
    void (*relocate)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };

  template <typename Stored>
  static constexpr bool fits_inside =
      sizeof(Stored) <= kInsideBytes &&
      alignof(Stored) <= alignof(void*) && std::is_nothrow_move_constructible_v<Stored>;

  template <typename Stored>
  static constexpr Table kInside{
      [](void* storage, Arguments&&... arguments) -> Result {
        return (*static_cast<Stored*>(storage))(std::forward<Arguments>(arguments)...);
      },
      [](void* from, void* to) noexcept {
        auto* stored = static_cast<Stored*>(from);
        ::new (to) Stored(std::move(*stored));
        stored->~Stored();
      },
      [](void* storage) noexcept { static_cast<Stored*>(storage)->~Stored(); }};

  template <typename Stored>
  static constexpr Table kOutside{
      [](void* storage, Arguments&&... arguments) -> Result {
        return (**static_cast<Stored**>(storage))(std::forward<Arguments>(arguments)...);
      },
      [](void* from, void* to) noexcept { ::new (to) Stored*(*static_cast<Stored**>(from)); },
      [](void* storage) noexcept { delete *static_cast<Stored**>(storage); }};

  void reset() noexcept {
    if (table_ != nullptr) std::exchange(table_, nullptr)->destroy(storage_);
  }

  alignas(void*) std::byte storage_[kInsideBytes];
  const Table* table_ = nullptr;
};

/// What the loop runs: no arguments, no result.
using Callback = UniqueFunction<void()>;

namespace detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool kClosureTemporariesAreSafe = false;
#else
inline constexpr bool kClosureTemporariesAreSafe = true;
#endif

template <typename Callable>
inline constexpr bool kIsWrapper = false;
template <typename Signature>
inline constexpr bool kIsWrapper<UniqueFunction<Signature>> = true;

/// GCC 12 destroys a closure twice where it is a temporary inside a co_await expression and captures
/// something with a destructor. Everything of ours that is meant to be awaited refuses such a temporary at
/// compile time there, rather than let the program corrupt its heap.
template <typename Callable>
constexpr void check_awaited_callable() {
  static_assert(
      kClosureTemporariesAreSafe || std::is_lvalue_reference_v<Callable> ||
          std::is_trivially_destructible_v<std::remove_cvref_t<Callable>> ||
          kIsWrapper<std::remove_cvref_t<Callable>>,
      "this compiler (GCC 12) destroys a temporary closure with non-trivial captures twice inside co_await: "
      "name it first (auto factory = [state] {...};) and pass the name, which is copied, or capture by "
      "reference");
}

/// The aggregate twin of the same defect: options hold only what needs no destructor, so that
/// `co_await f({.name = value})` is safe on every compiler. What they point to is copied before the call
/// returns.
template <typename Options>
concept SafeOptions = std::is_trivially_destructible_v<Options>;

}  // namespace detail

}  // namespace tidegate
