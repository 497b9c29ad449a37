// Counted references to objects that the loop and the user own together. Knows nothing of what it refers to.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace tidegate {

/// What can be held by a Ref: it counts its holders and ends itself when the last one lets go.
///
/// Thread: the count is not atomic; hold, copy and drop a Ref on the loop's thread only.
class Referenced {
 public:
  /// One more holder.
  virtual void retain() noexcept = 0;
  /// One holder fewer; the last one ends the object.
  virtual void release() noexcept = 0;

 protected:
  ~Referenced() = default;
};

/// One share in a counted object, or none. As cheap as a pointer to pass on by move.
template <typename T>
class Ref {
 public:
  constexpr Ref() noexcept = default;
  constexpr Ref(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)

  /// Becomes a holder of `object`, beside those that there are.
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->retain();
  }

  /// Takes over a share that was counted already.
  [[nodiscard]] static Ref adopt(T* object) noexcept {
    Ref reference;
    reference.object_ = object;
    return reference;
  }

  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

  template <typename Other>
  requires(std::is_convertible_v<Other*, T*>) Ref(const Ref<Other>& other)
  noexcept : Ref(other.get()) {}  // NOLINT(google-explicit-constructor)

  template <typename Other>
  requires(std::is_convertible_v<Other*, T*>) Ref(Ref<Other>&& other)
  noexcept : object_(other.detach()) {}  // NOLINT(google-explicit-constructor)

  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  ~Ref() { reset(); }

  /// Lets go.
  void reset() noexcept {
    if (T* object = std::exchange(object_, nullptr)) object->release();
  }

  /// Gives the share away without letting go of it; the caller owes the release.
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  friend bool operator==(const Ref& left, const Ref& right) noexcept { return left.object_ == right.object_; }
  friend bool operator==(const Ref& left, std::nullptr_t) noexcept { return left.object_ == nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace tidegate
