// Whose the memory is that is written to a pipe from, and how long a transport and its descriptor last: W2,
// L9, L10; and debug mode, E3.
#include "contract/counted_chunk.hpp"
#include "contract/pipe_rig.hpp"
#include "contract/wrong_thread.hpp"

#include <algorithm>

namespace tidegate::pipe_rig {
namespace {

using contract::CountedChunk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PipeMemory : public PipeTest {};

TEST_F(PipeMemory, W2_the_callers_memory_is_free_when_write_has_returned) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  std::string expected;
  const auto write_and_overwrite = [&](std::size_t size) {
    std::string memory(size, static_cast<char>('a' + expected.size() % 26));
    expected += memory;
    writer->transport->write(memory);
    std::fill(memory.begin(), memory.end(), '!');
    expected += std::string(size, 'L');
    memory.assign(size, 'L');
    const BytesView pieces[] = {BytesView(memory).first(size / 2), BytesView(memory).drop(size / 2)};
    writer->transport->writelines(pieces);
    std::fill(memory.begin(), memory.end(), '!');
  };
  for (const std::size_t size : {1UL, 100UL, 5'000UL, 70'000UL, 1'000'000UL}) {
    write_and_overwrite(size);
    loop().call_soon([&, size] { write_and_overwrite(size); });
    turn();
  }
  EXPECT_TRUE(drain(reads, expected.size()) == expected);
}

TEST_F(PipeMemory, W2_a_chunk_is_kept_unread_until_the_kernel_takes_it_and_then_let_go_of_once) {
  Full full = fill(10'000);
  CountedChunk chunk(std::string(100'000, 'a'));
  full.protocol->transport->write(chunk.chunk());
  turns(3);
  EXPECT_EQ(chunk.released, 0);
  std::fill(chunk.bytes.begin(), chunk.bytes.end(), 'b');  // nobody has read it, so this is what arrives
  const std::string arrived = drain(full.reader, full.written + 100'000);
  EXPECT_TRUE(arrived.substr(full.written) == std::string(100'000, 'b'));
  ASSERT_TRUE(run_until([&] { return chunk.released == 1; }));
  EXPECT_EQ(full.protocol->transport->get_write_buffer_size(), 0U);
}

TEST_F(PipeMemory, W2_a_chunk_is_let_go_of_once_whatever_ends_the_pipe) {
  const std::pair<const char*, std::function<void(Full&)>> ways[] = {
      {"abort", [](Full& full) { full.protocol->transport->abort(); }},
      {"close and abort",
       [](Full& full) {
         full.protocol->transport->close();
         full.protocol->transport->abort();
       }},
      {"the reader goes", [](Full& full) { full.reader.reset(); }},
      {"flushed by close",
       [&](Full& full) {
         full.protocol->transport->close();
         EXPECT_EQ(drain(full.reader, full.written + 100'011).size(), full.written + 100'010);
       }},
  };
  for (const auto& [name, end_it] : ways) {
    SCOPED_TRACE(name);
    Full full = fill(10'000);
    CountedChunk small(std::string(10, 's'));
    CountedChunk large(std::string(100'000, 'l'));
    full.protocol->transport->write(small.chunk());
    full.protocol->transport->write(large.chunk());
    end_it(full);
    ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
    turns(2);
    EXPECT_EQ(small.released, 1);
    EXPECT_EQ(large.released, 1);
  }
}

TEST_F(PipeMemory, W2_a_chunk_is_let_go_of_once_when_the_loop_is_closed) {
  Full full = fill(10'000);
  CountedChunk chunk(std::string(100'000, 'c'));
  full.protocol->transport->write(chunk.chunk());
  end_loop();
  EXPECT_EQ(chunk.released, 1);
  EXPECT_EQ(take_reports().size(), 1U) << "unclosed transport";
}

TEST_F(PipeMemory, L9_the_descriptor_is_open_inside_connection_lost_and_closed_after_it) {
  class Looking : public PipeRecorder {
   public:
    void connection_lost(const Error& reason) override {
      const auto pipe = std::any_cast<FileDescriptor>(transport->get_extra_info("pipe"));
      was_open = is_open(pipe);
      number = pipe;
      PipeRecorder::connection_lost(reason);
    }
    bool was_open = false;
    FileDescriptor number;
  };
  for (const bool reads : {true, false}) {
    auto [reading, writing] = make_pipe();
    const auto looking = std::make_shared<Looking>();
    if (reads) {
      read_from(std::move(reading), looking);
      writing.reset();
    } else {
      write_to(std::move(writing), looking);
      reading.reset();
    }
    const TransportRef kept = looking->transport;
    ASSERT_TRUE(run_until([&] { return looking->lost; }));
    EXPECT_TRUE(looking->was_open);
    EXPECT_FALSE(is_open(looking->number));
    EXPECT_FALSE(kept->get_extra_info("pipe").has_value()) << "no number that may be somebody else's now";
    EXPECT_TRUE(kept->is_closing());
  }
}

TEST_F(PipeMemory, L10_dropping_the_last_reference_closes_nothing) {
  auto [reads, writes] = make_pipe();
  const FileDescriptor number = reads.get();
  std::string received;
  bool lost = false;
  class Listening : public Protocol {
   public:
    Listening(std::string& received, bool& lost) : received_(received), lost_(lost) {}
    void data_received(BytesView data) override { received_ += data.text(); }
    void connection_lost(const Error&) override { lost_ = true; }

   private:
    std::string& received_;
    bool& lost_;
  };
  run([](Loop& loop, OwnedFileDescriptor pipe, std::string& received, bool& lost) -> Task<> {
    auto connecting =
        loop.connect_read_pipe([&] { return std::make_shared<Listening>(received, lost); }, std::move(pipe));
    co_await std::move(connecting);  // and nobody keeps what it returns
  }(loop(), std::move(reads), received, lost));
  EXPECT_TRUE(is_open(number));
  raw_write(writes, "still there");
  ASSERT_TRUE(run_until([&] { return received == "still there"; }));
  writes.reset();
  ASSERT_TRUE(run_until([&] { return lost; }));
  EXPECT_FALSE(is_open(number));
}

TEST_F(PipeMemory, L10_closing_the_loop_reports_each_and_leaves_no_descriptor) {
  auto [reads, writes] = make_pipe();
  const FileDescriptor numbers[] = {reads.get(), writes.get()};
  const auto reader = read_from(std::move(reads));
  const auto writer = write_to(std::move(writes));
  end_loop();
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 2U);
  for (const loop_rig::Report& report : reports) {
    EXPECT_EQ(report.message, "unclosed transport");
    EXPECT_TRUE(report.names_transport);
    EXPECT_TRUE(report.names_protocol);
  }
  for (const FileDescriptor number : numbers) EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(reader->lost) << "there is no loop to tell it";
  // Safe to keep and to call for ever.
  writer->transport->write("into nothing");
  writer->transport->close();
  reader->transport->pause_reading();
}

// --- E3 ------------------------------------------------------------------------------------------

class PipeDebugMode_E3 : public loop_rig::WithWrongThread<PipeTest> {
 protected:
  [[nodiscard]] LoopOptions loop_options() const override { return {.debug = true}; }
};

TEST_F(PipeDebugMode_E3, calls_from_a_wrong_thread_are_refused) {
  const loop_rig::LogCapture log;
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  const auto writer = write_to(std::move(writes));
  const auto refused = HasSubstr("Non-thread-safe operation");
  EXPECT_THAT(from_a_wrong_thread([&] { writer->transport->write("x"); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { writer->transport->write_eof(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { writer->transport->abort(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { reader->transport->pause_reading(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { reader->transport->close(); }), refused);
  EXPECT_THAT(reader->calls, ElementsAre("made"));
  EXPECT_FALSE(reader->transport->is_closing());
}

TEST_F(PipeDebugMode_E3, data_comes_as_without_it_and_a_slow_callback_is_logged) {
  const loop_rig::LogCapture log;
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  loop().set_slow_callback_duration(std::chrono::milliseconds(5));
  reader->on_data = [](loop_rig::Recorder&) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  raw_write(writes, "tide");
  ASSERT_TRUE(run_until([&] { return reader->received == "tide"; }));
  EXPECT_THAT(log.lines(), ::testing::Contains(HasSubstr("took")));
}

}  // namespace
}  // namespace tidegate::pipe_rig
