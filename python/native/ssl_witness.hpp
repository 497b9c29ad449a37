// Sees OpenSSL make a connection.
//
// Where in CPython's object for a connection its SSL lies is CPython's private matter, and is not guessed.
// OpenSSL tells of it: whoever has registered data of his own for every SSL is called when one is made. If
// that happens on this thread while the module `ssl` makes a connection, and what OpenSSL keeps for that
// SSL's user is CPython's object, then it is the connection's. If it does not happen, the module has another
// libssl than we do.
#pragma once

struct ssl_st;  // OpenSSL's SSL

namespace tidegate::python {

/// Looks for what is made on this thread while it stands, except while another stands that was made later.
class SslWitness {
 public:
  SslWitness() noexcept;
  SslWitness(const SslWitness&) = delete;
  SslWitness& operator=(const SslWitness&) = delete;
  ~SslWitness();

  /// The one that was made last, if it is still there and its user is `object`. Else null.
  [[nodiscard]] ssl_st* connection_of(const void* object) const noexcept;

 private:
  struct Calls;

  SslWitness* before_;
  ssl_st* last_ = nullptr;
};

}  // namespace tidegate::python
