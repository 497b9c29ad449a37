// One of the two ends of a relayed connection, as the pair sees it: something that can be written to and
// paused.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>

namespace tidegate::cli::relay {

/// How full a write buffer is, and where it pauses the other end.
struct Level {
  std::size_t buffered_bytes = 0;
  std::size_t high_bytes = 0;
};

/// What a pair asks of one end. It tells the pair what happens to it (PairEnd), `gone` being the last of
/// that. It begins paused: the pair resumes it.
class Side {
 public:
  Side() = default;
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  virtual ~Side() = default;

  /// Whether anything can come from it, and whether anything can be sent to it.
  [[nodiscard]] virtual bool reads() const noexcept = 0;
  [[nodiscard]] virtual bool writes() const noexcept = 0;

  /// Sends bytes or buffers them; the memory is the caller's again afterwards. Ignored between the loss of
  /// the connection and the news of it, in which several pieces may come.
  virtual void write(BytesView data) = 0;
  /// What was written is all that it gets. It may go on sending. One that can't be told that ends by itself,
  /// or when it has been silent for long enough.
  virtual void end_writing() = 0;
  /// Whether both ways end together, so that nobody there knows that one of them has ended.
  [[nodiscard]] virtual bool ends_as_a_whole() const noexcept = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Sends what is buffered, and ends. What comes from it meanwhile is for nobody.
  virtual void close() = 0;
  /// As `close`, but its peer must not take what it got for all, as far as it can be told that.
  virtual void cut() = 0;
  /// Ends, with whatever is buffered; also before it has opened.
  virtual void abort() = 0;

  [[nodiscard]] virtual Level level() const noexcept = 0;
};

}  // namespace tidegate::cli::relay
