// Two protocols that talk to each other: see conversation.hpp.
#include "faults/conversation.hpp"

#include <array>
#include <string>
#include <vector>

namespace tidegate::faults {

namespace {

constexpr std::size_t kPatternBytes = 251;  // no power of two, so that a shift shows

/// What stands at `offset` of all that is asked.
std::string pattern(std::size_t offset, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>(offset++ % kPatternBytes);
  return text;
}

Task<void> answered(Stage& stage, const Conversation& conversation) {
  while (!conversation.asker->has_all() && !conversation.is_broken()) {
    auto change = stage.change();
    co_await change;
  }
}

}  // namespace

void Asker::data_received(BytesView data) {
  for (const char byte : data.text())
    is_wrong_ = byte != static_cast<char>(received_++ % kPatternBytes) || is_wrong_;
  if (has_all()) stage_.changed();
}

void Asker::ask(std::size_t bytes) {
  if (transport_ == nullptr) return;
  const std::string text = pattern(asked_, bytes);
  asked_ += bytes;
  transport_->write(text);
}

void Asker::ask_in_pieces(std::size_t bytes, std::size_t pieces) {
  if (transport_ == nullptr) return;
  const std::string text = pattern(asked_, bytes * pieces);
  asked_ += text.size();
  std::vector<BytesView> views;
  for (std::size_t piece = 0; piece < pieces; ++piece)
    views.push_back(BytesView(text).drop(piece * bytes).first(bytes));
  transport_->writelines(views);
}

Task<Conversation> converse_over_tcp(Stage& stage) {
  auto asker_fate = std::make_shared<Fate>();
  auto answerer_fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_server(MakesEnd<Answerer>(stage, answerer_fate), "127.0.0.1", 0);
  const Listening listening(co_await std::move(serving));
  auto connecting =
      stage.loop().create_connection(MakesEnd<Asker>(stage, asker_fate), "127.0.0.1", listening.port());
  auto connection = co_await std::move(connecting);
  while (!answerer_fate->is_made && !asker_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  Conversation conversation;
  conversation.asker = std::move(connection.protocol);
  conversation.asker_fate = asker_fate;
  conversation.answerer_fate = answerer_fate;
  co_return conversation;
}

Task<void> talk(Stage& stage, Conversation conversation) {
  Asker& asker = *conversation.asker;
  constexpr std::array kQuestions{kSmallBytes, kSmallBytes, kSmallBytes, kMuchBytes, kSmallBytes};
  for (const std::size_t bytes : kQuestions) {
    asker.ask(bytes);
    auto answer = answered(stage, conversation);
    co_await std::move(answer);
  }
  asker.ask_in_pieces(kSmallBytes, 3);
  auto answer = answered(stage, conversation);
  co_await std::move(answer);
  if (const TransportRef& transport = asker.transport(); transport != nullptr)
    transport->can_write_eof() ? transport->write_eof() : transport->close();
  while (!conversation.is_over()) {
    auto change = stage.change();
    co_await change;
  }
  if (!asker.has_all()) throw CutShort("not all that was sent came back");
}

}  // namespace tidegate::faults
