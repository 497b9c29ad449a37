// The files that one end of a connection sends: any part of any file, one at a time, given up and cut short
// in the middle; and what has to come of each (N1). Knows no callbacks.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/flow.hpp"
#include "sim/sent_file.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

namespace tidegate::workload {

struct Stage;
class StreamEnd;

class FileErrand {
 public:
  /// What one `sendfile` may have in memory beside what the marks allow: a piece that was read.
  static constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

  /// Lifetime: those of a play; the end outlives the loop.
  FileErrand(Stage& stage, StreamEnd& end, Flow& outgoing) noexcept
      : stage_(stage), end_(end), outgoing_(outgoing) {}
  FileErrand(const FileErrand&) = delete;
  FileErrand& operator=(const FileErrand&) = delete;

  /// Begins to send some file, soon; where one is under way, tries another, which is refused.
  void begin();
  /// Gives up the one that is under way, or changes its file.
  void meddle();

  /// What holds meanwhile: that little is in memory of it (F6). `high`: the highest mark that there ever was.
  void check_memory(std::size_t high) const;

  /// From the call of `sendfile` until it has ended. The program may not write meanwhile, until the
  /// connection begins to end.
  [[nodiscard]] bool is_under_way() const noexcept { return under_way_ != nullptr; }

  /// Nobody can say how much of a file has left: nothing may follow.
  [[nodiscard]] bool has_lost_count() const noexcept { return has_lost_count_; }

 private:
  /// One file on its way.
  struct Errand {
    SentFile file;
    bool is_pipe;
    bool is_secured;
    SendfileOptions options;
    /// What is to be sent, and how long the whole file is at present.
    std::string bytes;
    std::uint64_t file_size;
    /// Where its position was before.
    std::uint64_t marker;
    bool was_refused;
    /// What was buffered before.
    std::size_t held_bytes;
    bool was_cut = false;
    bool was_cancelled = false;
  };

  [[nodiscard]] Task<> send_some();
  [[nodiscard]] Task<> ask_twice();
  [[nodiscard]] Errand some_errand();
  void check_end(Errand& errand, std::uint64_t told_bytes, const std::exception_ptr& failure);
  [[nodiscard]] bool is_right(const Errand& errand, const std::exception_ptr& failure) const;
  void pipe_has_ended(const Errand& errand, std::uint64_t told_bytes, const std::exception_ptr& failure);
  void note(const char* what, std::size_t number);
  void fault(const std::string& what) const;

  Stage& stage_;
  StreamEnd& end_;
  Flow& outgoing_;
  TaskHandle<> task_;
  Errand* under_way_ = nullptr;  // Lifetime: in the frame of task_
  unsigned files_sent_ = 0;
  bool has_lost_count_ = false;
};

}  // namespace tidegate::workload
