#include "tls/openssl/ciphertext_bio.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

namespace tidegate::tls {

/// What OpenSSL calls. No exception passes through its frames.
struct CiphertextBio::Calls {
  /// Null where it has ended, and an SSL that somebody else holds has not.
  static CiphertextBio* self(BIO* bio) noexcept { return static_cast<CiphertextBio*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* memory, std::size_t size, std::size_t* size_read) noexcept {
    CiphertextBio* const ciphertext = self(bio);
    BIO_clear_retry_flags(bio);
    *size_read = 0;
    if (ciphertext != nullptr) {
      try {
        *size_read = ciphertext->read({memory, size});
      } catch (...) {
        ciphertext->failure_ = std::current_exception();
        return 0;
      }
      if (*size_read > 0) return 1;
      ciphertext->ran_dry_ = true;
    }
    BIO_set_retry_read(bio);
    return 0;
  }

  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* size_written) noexcept {
    CiphertextBio* const ciphertext = self(bio);
    BIO_clear_retry_flags(bio);
    if (ciphertext != nullptr) {
      try {
        ciphertext->sink_.put({data, size});
      } catch (...) {
        ciphertext->failure_ = std::current_exception();
        return 0;
      }
      ++ciphertext->writes_;
    }
    *size_written = size;
    return 1;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) noexcept {
    // There is nothing to flush, and there never is an end; what is not known is answered with 0.
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  /// Made once, and never freed: connections may still end while the program's statics are destroyed.
  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = make_method();
    return made;
  }

  static BIO_METHOD* make_method() {
    // Without a type number of its own: nobody looks for this kind, and the numbers are few in a process.
    BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tidegate ciphertext");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(method, &read);
    BIO_meth_set_write_ex(method, &write);
    BIO_meth_set_ctrl(method, &control);
    return method;
  }
};

CiphertextBio::CiphertextBio(CiphertextSink& sink) : sink_(sink), bio_(BIO_new(Calls::method())) {
  if (bio_ == nullptr) throw std::bad_alloc();
  BIO_set_data(bio_.get(), this);
  BIO_set_init(bio_.get(), 1);
}

CiphertextBio::~CiphertextBio() { BIO_set_data(bio_.get(), nullptr); }

void CiphertextBio::attach_to(SSL* ssl) noexcept {
  // One share for both directions, where they are the same.
  BIO_up_ref(bio_.get());
  SSL_set_bio(ssl, bio_.get(), bio_.get());
}

void CiphertextBio::feed(BytesView ciphertext) noexcept {
  assert(input_.empty() && "Engine::feed: what was fed before is not used up");
  input_ = ciphertext;
}

BytesView CiphertextBio::take_rest() noexcept { return std::exchange(input_, BytesView()); }

std::size_t CiphertextBio::read(MutableBytesView memory) {
  if (!kept_.empty() && !keeps_input_) return read_again(memory);
  const BytesView taken = input_.first(memory.size());
  if (taken.empty()) return 0;
  std::memcpy(memory.data(), taken.data(), taken.size());
  if (keeps_input_) kept_.append(taken.text());
  input_ = input_.drop(taken.size());
  return taken.size();
}

std::size_t CiphertextBio::read_again(MutableBytesView memory) noexcept {
  const BytesView taken = BytesView(kept_).drop(repeated_).first(memory.size());
  std::memcpy(memory.data(), taken.data(), taken.size());
  repeated_ += taken.size();
  if (repeated_ == kept_.size()) kept_ = std::string();
  return taken.size();
}

}  // namespace tidegate::tls
