// A mail server that others wrote (aiosmtpd, of Debian) takes our mails into a maildir, and a
// parser that others wrote reads them back.
#include <doctest/doctest.h>

#include "platform/mail/mail.hpp"
#include "platform/process/run.hpp"
#include "platform/process/supervisor.hpp"
#include "support/app.hpp"
#include "support/source.hpp"

using support::App;

namespace {

struct Server {
  Server() {
    process::Spec spec{.name = "mail"};
    spec.launch = {.executable = "/usr/bin/python3",
                   .arguments = {"-m", "aiosmtpd", "-n", "-l", "127.0.0.1:" + std::to_string(port),
                                 "-c", "aiosmtpd.handlers.Mailbox", box()},
                   .directory = directory.path()};
    supervisor.start(std::move(spec));
    REQUIRE_MESSAGE(support::eventually([&] {
                      try {
                        mail::try_server(url());
                        return true;
                      } catch (std::runtime_error const&) {
                        return false;
                      }
                    }),
                    "is python3-aiosmtpd installed?");
  }
  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port); }
  std::string box() const { return directory.path() / "box"; }
  boost::json::array mails() const {
    auto const finished = process::run(
        {.executable = "/usr/bin/python3",
         .arguments = {support::source_directory() / "tests/support/read_maildir.py", box()}},
        std::chrono::seconds{30});
    REQUIRE_MESSAGE(finished.ending.success(), finished.output);
    return boost::json::parse(finished.output).as_array();
  }

  TemporaryDirectory directory;
  int port = support::free_port();
  process::Supervisor supervisor;
};

std::string times(int count, std::string_view text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("a mail server takes our mails, and another parser reads what was written") {
  Server server;
  auto app = App::fresh({.settings = [&](config::Settings& settings) {
    settings.smtp_url = server.url();
    settings.mail_from = "Ñandú, S. L. <n@example.test>";
    settings.public_url = "https://example.test";
  }});
  mail::Template const text{"tenant_ready", {"{subject}", "{body}"}, {"{subject}", "{body}"}};
  mail::Template const news{"place_again", {"{subject}", "{body}"}, {"{subject}", "{body}"}, true};
  std::vector<std::pair<std::string, std::string>> const written{
      {"Hello", "Hello\n"},
      {"Tu sistema está listo: 49,00 €", "Hola, Ñu:\n\nTu sistema está listo.\n"},
      {"مرحبا، فاتورتك جاهزة", "مرحبا أحمد،\n\nفاتورتك جاهزة.\n"},
      {times(40, "long subject ") + "end", times(300, "a long line ") + "end\n"},
      {"dots", ".\n..\n.a\nFrom me\n=_alternative\n--=_alternative\n--=_alternative--\n"},
      {"blanks", "two at the end  \n \n\nlast\n"},
      {times(60, "😀"), times(400, "ñ") + "\n"}};
  app.database.transact([&](db::Tx& tx) {
    for (auto const& [subject, body] : written)
      mail::send(tx, text, i18n::Locale::es, "ada@example.com",
                 {{"subject", subject}, {"body", body}});
    mail::send(tx, news, i18n::Locale::en, "ada@example.com", {{"subject", "n"}, {"body", "n\n"}});
  });
  app.work();
  CHECK(app.rows("SELECT DISTINCT state FROM mails") == std::vector<std::string>{"sent"});

  auto const mails = server.mails();
  REQUIRE(mails.size() == written.size() + 1);
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto const text_of = [&](std::string_view member) {
      return support::Reply::text(mails[i], member);
    };
    CAPTURE(written[i].first);
    CHECK(text_of("type") == "multipart/alternative");
    CHECK(text_of("subject") == written[i].first);
    CHECK(text_of("text") == written[i].second);
    CHECK(text_of("html").starts_with("<!DOCTYPE html>\n<html lang=\"es\""));
    CHECK(text_of("html").ends_with("</html>\n"));
    CHECK(text_of("to") == "ada@example.com");
    CHECK(text_of("from").find("Ñandú, S. L.") != std::string::npos);
    CHECK(text_of("from").find("<n@example.test>") != std::string::npos);
    CHECK(text_of("unsubscribe").empty());
    CHECK(mails[i].at("defects").as_array().empty());
  }
  CHECK(support::Reply::text(mails.back(), "unsubscribe")
            .starts_with("<https://example.test/unsubscribe/"));
}

TEST_CASE("a mail server that was not there takes what waited, once it is") {
  auto server = std::make_unique<Server>();
  auto const box = server->box();
  auto app = App::fresh(
      {.settings = [&](config::Settings& settings) { settings.smtp_url = server->url(); }});
  server->supervisor.stop("mail");
  mail::Template const text{"tenant_ready", {"Hello", "Hello\n"}, {"Hola", "Hola\n"}};
  app.database.transact([&](db::Tx& tx) {
    for (int i = 0; i < 3; ++i) mail::send(tx, text, i18n::Locale::en, "ada@example.com", {});
  });
  app.work();
  CHECK(app.rows("SELECT DISTINCT state FROM mails") == std::vector<std::string>{"queued"});
  process::Spec spec{.name = "mail"};
  spec.launch = {
      .executable = "/usr/bin/python3",
      .arguments = {"-m", "aiosmtpd", "-n", "-l", "127.0.0.1:" + std::to_string(server->port), "-c",
                    "aiosmtpd.handlers.Mailbox", box},
      .directory = server->directory.path()};
  server->supervisor.start(std::move(spec));
  CHECK(support::eventually([&] {
    app.run("UPDATE mail_server SET next_at = now() WHERE away_since IS NOT NULL");
    app.hurry("mail.deliver");
    app.work();
    return app.value("SELECT count(*) FROM mails WHERE state = 'sent'") == "3";
  }));
  CHECK(server->mails().size() == 3);
}
