// Flows over streams of bytes: see flows.hpp.

#include "faults/conversation.hpp"
#include "faults/flows.hpp"
#include "support/scratch_file.hpp"

#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace tidegate::faults {

FileDescriptor file_to_send() {
  static const testing::ScratchFile file(std::string(kFileBytes, 'f'));
  return file.descriptor();
}

Task<void> play_tcp_echo(Stage& stage) {
  stage.begin();
  auto connecting = converse_over_tcp(stage);
  auto talking = talk(stage, co_await std::move(connecting));
  co_await std::move(talking);
}

Task<void> play_pair_echo(Stage& stage) {
  auto connecting = converse_over_pair<Answerer>(stage);
  Conversation conversation = co_await std::move(connecting);
  stage.begin();
  auto talking = talk(stage, std::move(conversation));
  co_await std::move(talking);
}

Task<void> play_buffered_echo(Stage& stage) {
  auto connecting = converse_over_pair<BufferedAnswerer>(stage);
  Conversation conversation = co_await std::move(connecting);
  stage.begin();
  auto talking = talk(stage, std::move(conversation));
  co_await std::move(talking);
}

Task<void> play_unix_echo(Stage& stage) {
  static const std::string path = "/tmp/tidegate-faults-" + std::to_string(::getpid());
  stage.begin();
  auto asker_fate = std::make_shared<Fate>();
  auto answerer_fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_unix_server(MakesEnd<Answerer>(stage, answerer_fate), path);
  const Listening listening(co_await std::move(serving));
  auto connecting = stage.loop().create_unix_connection(MakesEnd<Asker>(stage, asker_fate), path);
  auto connection = co_await std::move(connecting);
  while (!answerer_fate->is_made && !asker_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  Conversation conversation;
  conversation.asker = std::move(connection.protocol);
  conversation.asker_fate = asker_fate;
  conversation.answerer_fate = answerer_fate;
  auto talking = talk(stage, std::move(conversation));
  co_await std::move(talking);
}

/// Ten connections at once, and a server that waits for their end.
Task<void> play_many_clients(Stage& stage) {
  constexpr std::size_t kClients = 10;
  stage.begin();
  const auto any_fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_server(MakesEnd<Answerer>(stage, any_fate), "127.0.0.1", 0);
  Listening listening(co_await std::move(serving));
  std::vector<Conversation> conversations(kClients);
  for (Conversation& conversation : conversations) {
    auto fate = std::make_shared<Fate>();
    auto connecting =
        stage.loop().create_connection(MakesEnd<Asker>(stage, fate), "127.0.0.1", listening.port());
    conversation.asker = (co_await std::move(connecting)).protocol;
    conversation.asker_fate = fate;
    conversation.asker->ask(kSmallBytes);
  }
  bool all = true;
  for (const Conversation& conversation : conversations) {
    while (!conversation.asker->has_all() && !conversation.asker_fate->is_lost) {
      auto change = stage.change();
      co_await change;
    }
    all = conversation.asker->has_all() && all;
    if (conversation.asker->transport() != nullptr) conversation.asker->transport()->close();
  }
  listening.server().close();
  auto closed = listening.server().wait_closed();
  co_await std::move(closed);
  if (!all) throw CutShort("one of many was not answered");
}

/// Two addresses, the first of which refuses.
Task<void> play_happy_eyeballs(Stage& stage) {
  stage.begin();
  auto answerer_fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_server(MakesEnd<Answerer>(stage, answerer_fate), "127.0.0.1", 0);
  const Listening listening(co_await std::move(serving));
  ConnectOptions options;
  options.happy_eyeballs_delay = std::chrono::milliseconds(1);
  auto asker_fate = std::make_shared<Fate>();
  auto connecting = stage.loop().create_connection(MakesEnd<Asker>(stage, asker_fate), "localhost",
                                                   listening.port(), options);
  auto connection = co_await std::move(connecting);
  connection.transport->close();
  while (!asker_fate->is_lost || !answerer_fate->is_over()) {
    auto change = stage.change();
    co_await change;
  }
}

/// Many pieces in one call, and more than one call can take.
Task<void> play_writelines(Stage& stage) {
  constexpr std::size_t kPieceBytes = 700;
  constexpr std::size_t kPieces = 300;
  stage.begin();
  auto connecting = converse_over_pair<Answerer>(stage);
  const Conversation conversation = co_await std::move(connecting);
  for (int round = 0; round < 3; ++round) {
    conversation.asker->ask_in_pieces(kPieceBytes, kPieces);
    while (!conversation.asker->has_all() && !conversation.is_broken()) {
      auto change = stage.change();
      co_await change;
    }
  }
  if (conversation.asker->transport() != nullptr) conversation.asker->transport()->close();
  while (!conversation.is_over()) {
    auto change = stage.change();
    co_await change;
  }
  if (!conversation.asker->has_all()) throw CutShort("not all pieces came back");
}

/// What is written stays until the other end reads again; and chunks, which are kept uncopied.
Task<void> play_full_buffers(Stage& stage) {
  stage.begin();
  auto connecting = converse_over_pair<Answerer>(stage);
  const Conversation conversation = co_await std::move(connecting);
  Asker& asker = *conversation.asker;
  if (asker.transport() != nullptr) {
    asker.transport()->set_write_buffer_limits({.high = 1000});
    asker.transport()->pause_reading();
  }
  for (int round = 0; round < 8; ++round) {
    asker.ask(kMuchBytes);
    auto turn = sleep(Duration::zero());
    co_await std::move(turn);
  }
  if (asker.transport() != nullptr) asker.transport()->resume_reading();
  while (!asker.has_all() && !conversation.is_broken()) {
    auto change = stage.change();
    co_await change;
  }
  if (asker.transport() != nullptr) asker.transport()->close();
  while (!conversation.is_over()) {
    auto change = stage.change();
    co_await change;
  }
  if (!asker.has_all()) throw CutShort("not all came back that had waited");
}

namespace {

/// Counts.
class Sink final : public End<Protocol> {
 public:
  using End::End;

  void data_received(BytesView data) override {
    received += data.size();
    stage_.changed();
  }

  std::size_t received = 0;
};

}  // namespace

/// A file, and then a few bytes more.
Task<void> play_sendfile(Stage& stage) {
  constexpr std::string_view kAfterwards = "afterwards";
  const FileDescriptor file = file_to_send();
  auto [near, far] = stage.socket_pair();
  auto sink_fate = std::make_shared<Fate>();
  auto sender_fate = std::make_shared<Fate>();
  auto accepting = stage.loop().connect_accepted_socket(MakesEnd<Sink>(stage, sink_fate), std::move(far));
  auto accepted = co_await std::move(accepting);
  auto connecting =
      stage.loop().create_connection(MakesEnd<End<Protocol>>(stage, sender_fate), std::move(near));
  auto connection = co_await std::move(connecting);
  stage.begin();
  std::exception_ptr failure;
  std::uint64_t sent = 0;
  auto sending = stage.loop().sendfile(connection.transport, file);
  try {
    sent = co_await std::move(sending);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  // The connection lives on, where the error was the file's.
  if (!sender_fate->is_lost) connection.transport->write(kAfterwards);
  connection.transport->close();
  while (!sink_fate->is_lost || !sender_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  if (sent != kFileBytes || accepted.protocol->received != kFileBytes + kAfterwards.size())
    throw CutShort("the file did not arrive");
}

/// A pipe in each direction, with one protocol at each end.
Task<void> play_pipes(Stage& stage) {
  auto [reads, writes] = stage.pipe();
  stage.begin();
  auto sink_fate = std::make_shared<Fate>();
  auto source_fate = std::make_shared<Fate>();
  auto reading = stage.loop().connect_read_pipe(MakesEnd<Sink>(stage, sink_fate), std::move(reads));
  auto sink = co_await std::move(reading);
  auto writing =
      stage.loop().connect_write_pipe(MakesEnd<End<Protocol>>(stage, source_fate), std::move(writes));
  auto source = co_await std::move(writing);
  const std::string much(kMuchBytes, 'p');
  std::size_t expected = 0;
  for (const std::size_t bytes : {kSmallBytes, kSmallBytes, kMuchBytes}) {
    source.transport->write(BytesView(much).first(bytes));
    expected += bytes;
    while (sink.protocol->received < expected && !sink_fate->is_lost && !source_fate->is_lost) {
      auto change = stage.change();
      co_await change;
    }
  }
  source.transport->close();
  while (!sink_fate->is_lost || !source_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  if (sink.protocol->received != expected) throw CutShort("not all came through the pipe");
}

namespace {

/// Goes on writing when the other end has finished.
class LastWord final : public End<Protocol> {
 public:
  using End::End;

  bool eof_received() override {
    saw_eof = true;
    stage_.changed();
    return true;
  }

  bool saw_eof = false;
};

}  // namespace

/// One end finishes sending, and the other has something to say yet, a while later.
Task<void> play_half_closed(Stage& stage) {
  auto [near, far] = stage.socket_pair();
  auto sink_fate = std::make_shared<Fate>();
  auto last_fate = std::make_shared<Fate>();
  auto accepting = stage.loop().connect_accepted_socket(MakesEnd<LastWord>(stage, last_fate), std::move(far));
  const auto last = co_await std::move(accepting);
  auto connecting = stage.loop().create_connection(MakesEnd<Sink>(stage, sink_fate), std::move(near));
  const auto sink = co_await std::move(connecting);
  stage.begin();
  sink.transport->write_eof();
  while (!last.protocol->saw_eof && !last_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  for (int turn = 0; turn < 5; ++turn) {
    auto passing = sleep(Duration::zero());
    co_await std::move(passing);
  }
  if (last.protocol->transport() != nullptr) {
    last.protocol->transport()->write("the last word");
    last.protocol->transport()->close();
  }
  while (!last_fate->is_lost || !sink_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  if (sink.protocol->received == 0) throw CutShort("the last word did not arrive");
}

namespace {

Task<void> serve_lines(StreamReader reader, StreamWriter writer) {
  for (;;) {
    const std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace

/// asyncio's streams: lines, a long one among them, and the end.
Task<void> play_streams(Stage& stage) {
  stage.begin();
  auto serving = start_server(serve_lines, "127.0.0.1", 0);
  Listening listening(co_await std::move(serving));
  auto connecting = open_connection("127.0.0.1", listening.port());
  const StreamPair stream = co_await std::move(connecting);
  for (const std::size_t bytes : {kSmallBytes, std::size_t{20'000}, kSmallBytes}) {
    const std::string line = std::string(bytes, 'l') + "\n";
    stream.writer.write(line);
    co_await stream.writer.drain();
    const std::string answer = co_await stream.reader.readline();
    if (answer != line) throw CutShort("a line did not come back");
  }
  stream.writer.write_eof();
  const std::string rest = co_await stream.reader.read();
  stream.writer.close();
  co_await stream.writer.wait_closed();
  listening.server().close();
  auto closed = listening.server().wait_closed();
  co_await std::move(closed);
}

}  // namespace tidegate::faults
