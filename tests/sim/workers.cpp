// See workers.hpp.
#include "sim/workers.hpp"

#include "sim/play.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate::workload {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr unsigned kFailuresTold = 10;
constexpr unsigned kMostProcesses = 64;
/// A play takes some milliseconds.
constexpr auto kLongestPlay = 120s;

/// What the processes share.
struct Board {
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint64_t> done;
  std::atomic<unsigned> failures;
  /// What each process plays at this moment; 0: nothing any more.
  std::atomic<std::uint64_t> playing[kMostProcesses];
};

Board* make_board() {
  void* const memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return new (memory) Board{};
}

void tell(std::uint64_t seed, const std::string& fault) {
  const std::string text = fmt::format(
      "{}--- seed {} failed; the end of what happened is above. Again, with all of it:  make sim SEED={}\n",
      fault, seed, seed);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// The work of one process.
void work(const Campaign& campaign, Board& board, std::atomic<std::uint64_t>& playing) {
  for (;;) {
    const std::uint64_t index = board.next.fetch_add(1);
    if (index >= campaign.count || board.failures.load() >= kFailuresTold) break;
    const std::uint64_t seed = campaign.first + index;
    playing.store(seed);
    if (!run_one(seed, index % campaign.repeats_every == 0, false)) board.failures.fetch_add(1);
    board.done.fetch_add(1);
  }
  playing.store(0);
}

/// Tells how far it is: on a terminal all the time, elsewhere now and then where it takes long.
class Progress {
 public:
  Progress(const Campaign& campaign, const Board& board) : campaign_(campaign), board_(board) {}

  void look() {
    const auto now = Clock::now();
    if (now < next_) return;
    next_ = now + (is_terminal_ ? Clock::duration(500ms) : Clock::duration(20s));
    if (!is_terminal_ && now - begin_ < 15s) return;
    const std::uint64_t done = board_.done.load();
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double left =
        done == 0 ? 0 : seconds * static_cast<double>(campaign_.count - done) / static_cast<double>(done);
    fmt::print("{}{} of {} seeds, {} failed, {:.0f} s left{}", is_terminal_ ? "\r" : "", done,
               campaign_.count, board_.failures.load(), left, is_terminal_ ? "   " : "\n");
    std::fflush(stdout);
  }
  void finish() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    fmt::print("{}{} seeds from {} on, {} failed, {:.1f} s\n", is_terminal_ ? "\r" : "", board_.done.load(),
               campaign_.first, board_.failures.load(), seconds);
  }

 private:
  const Campaign& campaign_;
  const Board& board_;
  const bool is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
};

/// One process of the campaign, as the parent sees it.
class Worker {
 public:
  Worker(const Campaign& campaign, Board& board, unsigned number)
      : board_(board), playing_(board.playing[number]), process_(::fork()) {
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would end it where the parent is interrupted
    work(campaign, board, playing_);
    std::fflush(stdout);
    std::_Exit(0);
  }

  /// False when it has ended. One that has crashed, or that does not come to an end, has told nobody.
  bool is_running() {
    if (process_ <= 0) return false;
    int status = 0;
    const std::uint64_t seed = playing_.load();
    if (::waitpid(process_, &status, WNOHANG) != 0) {
      process_ = 0;
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(seed, "the process that played it has crashed\n");
      return false;
    }
    if (seed != last_seed_) {
      last_seed_ = seed;
      since_ = Clock::now();
    } else if (seed != 0 && Clock::now() - since_ > kLongestPlay) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, &status, 0);
      process_ = 0;
      fail(seed, "the play does not come to an end\n");
      return false;
    }
    return true;
  }

 private:
  void fail(std::uint64_t seed, const char* what) {
    board_.failures.fetch_add(1);
    tell(seed, what);
  }

  Board& board_;
  std::atomic<std::uint64_t>& playing_;
  pid_t process_;
  std::uint64_t last_seed_ = 0;
  Clock::time_point since_ = Clock::now();
};

}  // namespace

bool run_one(std::uint64_t seed, bool twice, bool aloud) {
  const Outcome outcome = play(seed, aloud);
  if (!outcome.fault.empty()) {
    tell(seed, outcome.fault);
    return false;
  }
  if (!twice || play(seed).hash == outcome.hash) return true;
  tell(seed, "the same seed has come out differently the second time\n");
  return false;
}

unsigned run(const Campaign& campaign) {
  Board& board = *make_board();
  Progress progress(campaign, board);
  std::fflush(stdout);
  std::vector<Worker> workers;
  const unsigned processes = std::clamp(campaign.processes, 1U, kMostProcesses);
  workers.reserve(processes);
  for (unsigned number = 0; number < processes; ++number) workers.emplace_back(campaign, board, number);
  for (bool running = true; running;) {
    running = false;
    for (Worker& worker : workers) running = worker.is_running() || running;
    progress.look();
    std::this_thread::sleep_for(20ms);
  }
  progress.finish();
  return board.failures.load();
}

}  // namespace tidegate::workload
