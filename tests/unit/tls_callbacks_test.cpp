// What a TLS context calls the program for: the server name that a client asks for, and the key log.
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::client_options;
using ::testing::ElementsAre;
using testing::EnginePair;
using ::testing::HasSubstr;
using testing::only;
using testing::server_options;
using ::testing::StartsWith;

// --- the server name ---------------------------------------------------------------------------------------

class TlsServerNames : public ::testing::TestWithParam<TlsVersion> {
 protected:
  TlsServerNames() {
    TlsOptions other = server_options();
    other.cert_chains = {testing::other_host_certificate().chain()};
    other.alpn_protocols = {"other"};
    other_context = TlsContext::server(other);
    TlsOptions first = server_options();
    first.alpn_protocols = {"first"};
    first.sni_callback = [this](const std::string& name) {
      asked.push_back(name);
      return name == "other.example" ? other_context : TlsContext();
    };
    first_context = TlsContext::server(first);
    TlsOptions client = only(GetParam(), client_options());
    client.alpn_protocols = {"first", "other"};
    client_context = TlsContext::client(client);
  }

  TlsContext client_context;
  TlsContext first_context;
  TlsContext other_context;
  std::vector<std::string> asked;
};

TEST_P(TlsServerNames, choose_the_context_whatever_the_pieces) {
  for (const std::size_t piece_bytes : {1U << 20U, 1U, 100U}) {
    EnginePair pair(client_context, first_context, {.server_hostname = "other.example"});
    pair.piece_bytes = piece_bytes;
    ASSERT_TRUE(pair.shake_hands()) << describe(pair.client.engine().failure());
    EXPECT_EQ(pair.server.engine().context(), other_context);
    EXPECT_EQ(pair.server.engine().server_hostname(), "other.example");
    EXPECT_EQ(pair.client.engine().selected_alpn_protocol(), "other")
        << "the other context decides everything";
    EXPECT_EQ(pair.client.write("hello"), Engine::Outcome::done);
    pair.exchange();
    EXPECT_EQ(pair.server.heard, "hello");
  }
  EXPECT_THAT(asked, ElementsAre("other.example", "other.example", "other.example"));
}

TEST_P(TlsServerNames, leave_the_context_where_none_is_returned) {
  EnginePair pair(client_context, first_context);
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.server.engine().context(), first_context);
  EXPECT_EQ(pair.client.engine().selected_alpn_protocol(), "first");
  EXPECT_THAT(asked, ElementsAre("localhost"));
}

TEST_P(TlsServerNames, are_empty_where_the_client_names_nobody) {
  EnginePair pair(client_context, first_context, {.server_hostname = "127.0.0.1"});
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_THAT(asked, ElementsAre(""));
}

TEST_P(TlsServerNames, sessions_are_resumed_with_the_context_that_was_chosen) {
  TlsSession session;
  for (const bool is_second : {false, true}) {
    EnginePair pair(client_context, first_context, {.server_hostname = "other.example", .session = session});
    ASSERT_TRUE(pair.shake_hands());
    EXPECT_EQ(pair.server.engine().session_reused(), is_second);
    session = pair.client.engine().session();
  }
}

INSTANTIATE_TEST_SUITE_P(, TlsServerNames, ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& info) {
                           return std::string(info.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3");
                         });

void expect_refusal(const TlsOptions& server, const std::string& report) {
  EnginePair pair(client_options(), server);
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_THAT(pair.server.reports, ElementsAre(report));
  EXPECT_NE(pair.server.engine().failure(), nullptr);
  EXPECT_THAT(describe(pair.client.engine().failure()), HasSubstr("'unrecognized name' (112)"));
}

TEST(TlsServerNameCallback, that_throws_ends_the_handshake_and_is_reported) {
  TlsOptions server = server_options();
  server.sni_callback = [](const std::string& name) -> TlsContext {
    throw std::runtime_error("nobody here is called " + name);
  };
  expect_refusal(server, "TlsOptions::sni_callback failed: nobody here is called localhost");
}

TEST(TlsServerNameCallback, that_returns_a_client_context_does_too) {
  TlsOptions server = server_options();
  server.sni_callback = [](const std::string&) { return TlsContext::client(client_options()); };
  expect_refusal(
      server,
      "TlsOptions::sni_callback failed: TlsOptions::sni_callback returned a context that is not for "
      "servers");
}

TEST(TlsServerNameCallback, of_the_context_that_was_chosen_is_not_asked_again) {
  int asked = 0;
  TlsOptions second = server_options();
  second.sni_callback = [&](const std::string&) -> TlsContext {
    ++asked;
    return {};
  };
  const TlsContext chosen = TlsContext::server(second);
  TlsOptions first = server_options();
  first.sni_callback = [&](const std::string&) { return chosen; };
  EnginePair pair(client_options(), first);
  EXPECT_TRUE(pair.shake_hands());
  EXPECT_EQ(asked, 0);
}

// --- the key log -------------------------------------------------------------------------------------------

TEST(TlsKeyLog, tells_the_secrets_of_either_version_line_by_line) {
  std::vector<std::string> lines;
  TlsOptions client = client_options();
  client.keylog_callback = [&](std::string_view line) { lines.emplace_back(line); };
  EnginePair modern(client);
  ASSERT_TRUE(modern.shake_hands());
  EXPECT_THAT(lines, ::testing::Contains(StartsWith("CLIENT_TRAFFIC_SECRET_0 ")));
  EXPECT_THAT(lines, ::testing::Each(::testing::Not(HasSubstr("\n"))));

  lines.clear();
  EnginePair old(only(TlsVersion::tls_1_2, client));
  ASSERT_TRUE(old.shake_hands());
  EXPECT_THAT(lines, ElementsAre(StartsWith("CLIENT_RANDOM ")));
}

TEST(TlsKeyLog, appends_to_a_file) {
  const testing::ScratchFolder folder;
  TlsOptions client = only(TlsVersion::tls_1_2, client_options());
  client.keylog_file = folder.write("keys.log", "before\n");
  const TlsContext context = TlsContext::client(client);
  for (int times = 0; times < 2; ++times) {
    EnginePair pair(context, TlsContext::server(server_options()));
    ASSERT_TRUE(pair.shake_hands());
  }
  std::ifstream file(client.keylog_file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  EXPECT_THAT(lines, ElementsAre("before", StartsWith("CLIENT_RANDOM "), StartsWith("CLIENT_RANDOM ")));
}

TEST(TlsKeyLog, that_can_not_be_opened_is_named) {
  TlsOptions client;
  client.keylog_file = "/nowhere/keys.log";
  try {
    (void)TlsContext::client(client);
    FAIL() << "it was opened";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_STREQ(error.what(), "open key log '/nowhere/keys.log': No such file or directory");
  }
}

TEST(TlsKeyLog, that_throws_is_reported_and_the_connection_lives_on) {
  TlsOptions client = only(TlsVersion::tls_1_2, client_options());
  client.keylog_callback = [](std::string_view) { throw std::runtime_error("the disk is full"); };
  EnginePair pair(client);
  EXPECT_TRUE(pair.shake_hands());
  EXPECT_THAT(pair.client.reports, ElementsAre("the key log of a TLS connection failed: the disk is full"));
}

}  // namespace
}  // namespace tidegate::tls
