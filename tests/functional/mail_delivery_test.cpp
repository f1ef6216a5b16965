// What becomes of a mail: written once, handed over once, waiting as long as that is of use, and
// what the mail server says about an address.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "platform/mail/mail.hpp"
#include "support/app.hpp"
#include "support/smtp_server.hpp"

using support::App;
using support::Role;
using support::StrictServer;
using Rows = std::vector<std::string>;

namespace {

constexpr mail::Template plain{"tenant_ready", {"Hello", "Text.\n"}, {"Hola", "Texto.\n"}};
constexpr mail::Template news{
    "place_again", {"News", "News.\n"}, {"Noticias", "Noticias.\n"}, true};

struct World {
  StrictServer server;
  App app = App::fresh({.settings = [this](config::Settings& settings) {
    settings.smtp_url = server.url;
    settings.mail_from = "Acme <n@example.test>";
  }});

  void write(std::string const& to = "ada@example.com", mail::Template const& text = plain,
             mail::About const& about = {}) {
    app.database.transact(
        [&](db::Tx& tx) { mail::send(tx, text, i18n::Locale::en, to, {}, about); });
  }
  void send(std::string const& to = "ada@example.com", mail::Template const& text = plain,
            mail::About const& about = {}) {
    write(to, text, about);
    app.work();
  }
  /// As if the time until the next try had passed.
  void try_again() {
    app.run("UPDATE mail_server SET next_at = now() WHERE away_since IS NOT NULL");
    app.hurry("mail.deliver");
    app.work();
  }
  Rows states() const { return app.rows("SELECT state FROM mails ORDER BY id"); }
  std::string last(std::string const& column) const {
    return app.value("SELECT " + column + " FROM mails ORDER BY id DESC LIMIT 1");
  }
  std::set<std::string> message_ids() {
    std::set<std::string> out;
    for (auto const& mail : server.mails())
      for (auto const& line : mail.lines)
        if (line.starts_with("Message-ID: ")) out.insert(line);
    return out;
  }
  std::int64_t attention(std::string const& kind) {
    auto const metrics = app.as(Role::owner).get("/api/dashboard/metrics");
    for (auto const& item : metrics.json.at("attention").as_array())
      if (item.at("kind").as_string() == kind.c_str()) return item.at("count").as_int64();
    return 0;
  }
  void make_customer() {
    app.run(
        "INSERT INTO customers (company, name, email, country, locale) VALUES ('A', 'B', "
        "'ada@example.com', 'ES', 'en')");
  }
};

}  // namespace

TEST_CASE("while the mail server is away for a day no mail is lost, and each arrives once") {
  World world;
  world.server.say_to("connect", "421 closing down");
  for (int i = 0; i < 5; ++i) world.write("person" + std::to_string(i) + "@example.com");
  world.app.work();
  // The others do not even ask: nobody's thread is held.
  CHECK(world.app.value("SELECT tries FROM mail_server") == "1");
  CHECK(world.app.value("SELECT last_error IS NOT NULL FROM mail_server") == "t");
  for (int i = 0; i < 40; ++i) world.try_again();
  CHECK(world.app.value("SELECT tries FROM mail_server") == "41");
  CHECK(world.states() == Rows(5, "queued"));
  CHECK(world.app.rows("SELECT DISTINCT state || ' ' || attempt FROM jobs WHERE kind = "
                       "'mail.deliver'") == Rows{"waiting 0"});
  CHECK(world.attention("mail_waits") == 0);
  world.app.run(
      "UPDATE mails SET created_at = now() - interval '1 day', useful_until = now() + interval '3 "
      "days'");
  CHECK(world.attention("mail_waits") == 5);

  world.server.behave();
  world.try_again();
  world.try_again();
  CHECK(world.states() == Rows(5, "sent"));
  CHECK(world.server.mails().size() == 5);
  CHECK(world.message_ids().size() == 5);
  CHECK(world.app.value("SELECT away_since IS NULL FROM mail_server") == "t");
  CHECK(world.attention("mail_waits") == 0);
  CHECK(world.server.objections().empty());
}

TEST_CASE("a mail that nobody is served by any more is given up and said so") {
  World world;
  world.server.say_to("RCPT", "451 4.3.2 later");
  world.send();
  CHECK(world.states() == Rows{"queued"});
  world.app.run("UPDATE mails SET useful_until = now()");
  world.server.behave();
  world.try_again();
  CHECK(world.states() == Rows{"failed"});
  CHECK(world.last("last_error").starts_with("it waited for the mail server"));
  CHECK(world.server.mails().empty());
  CHECK(world.attention("mail_failed") == 1);
}

TEST_CASE("who is put off by the mail server waits, and nobody else does") {
  World world;
  world.server.say_to("RCPT", "451 4.7.1 greylisted");
  world.send("ada@example.com");
  CHECK(world.last("state") == "queued");
  CHECK(world.last("put_off") == "1");
  CHECK(world.last("last_error") == "SMTP: 451 4.7.1 greylisted");
  CHECK(world.app.value("SELECT away_since IS NULL FROM mail_server") == "t");
  CHECK(world.app.value("SELECT attempt FROM jobs WHERE kind = 'mail.deliver'") == "0");
  world.server.behave();
  world.send("eva@example.com");
  CHECK(world.last("state") == "sent");
  CHECK(world.last("server_answer") == "250 2.0.0 taken");
  world.try_again();
  CHECK(world.states() == Rows{"sent", "sent"});
  CHECK(world.server.mails().size() == 2);
  // Refused after it was handed over is an answer, too.
  world.server.say_to(".", "452 4.2.2 full for now");
  world.send("luz@example.com");
  CHECK(world.last("state") == "queued");
  CHECK(world.last("unanswered") == "0");
}

TEST_CASE("a lost answer: one try more, with the same Message-ID, and no third") {
  World world;
  world.server.say_to(".", "");
  world.send();
  // Written down before the mail server had the first byte.
  CHECK(world.states() == Rows{"handed"});
  CHECK(world.last("unanswered") == "1");
  world.server.behave();
  world.try_again();
  CHECK(world.states() == Rows{"sent"});
  CHECK(world.server.mails().size() == 2);
  CHECK(world.message_ids().size() == 1);
  CHECK(world.app.value("SELECT note FROM jobs WHERE kind = 'mail.deliver'") ==
        "handed over a second time");

  world.server.say_to(".", "");
  world.send("eva@example.com");
  world.try_again();
  world.try_again();
  world.try_again();
  CHECK(world.last("state") == "failed");
  CHECK(world.last("last_error").starts_with("it was handed over twice"));
  CHECK(world.server.mails().size() == 4);
  CHECK(world.message_ids().size() == 2);
}

TEST_CASE("a program that dies while it hands a mail over leaves it to be tried once more") {
  World world;
  world.write();
  // As its last commit left it.
  world.app.run("UPDATE mails SET state = 'handed', unanswered = 1, message_id = '1@example.test'");
  world.app.work();
  CHECK(world.states() == Rows{"sent"});
  CHECK(world.message_ids() == std::set<std::string>{"Message-ID: <1@example.test>"});
}

TEST_CASE("an address that does not exist is written to no more, until staff say otherwise") {
  World world;
  world.make_customer();
  mail::About const about{.customer = Id<"cus">{1}};
  world.server.say_to("RCPT", "550 5.1.1 <ada@example.com>: no such user");
  world.send("Ada@example.com", plain, about);
  CHECK(world.last("state") == "bounced");
  CHECK(world.last("status_code") == "5.1.1");
  CHECK(world.attention("mail_bounced") == 1);
  CHECK(world.app.rows("SELECT state FROM jobs WHERE kind = 'mail.deliver'") == Rows{"done"});

  world.server.behave();
  world.send("ada@EXAMPLE.com", plain, about);
  world.send("ada@example.com", news, about);
  CHECK(world.states() == Rows{"bounced", "suppressed", "suppressed"});
  CHECK(world.server.mails().empty());
  CHECK(world.app.rows("SELECT kind, data->>'reason' FROM activity WHERE kind LIKE 'mail%' ORDER "
                       "BY id") ==
        Rows{"mail_bounced|", "mail_suppressed|bounced", "mail_suppressed|bounced"});

  auto const owner = world.app.as(Role::owner);
  auto const list = owner.get("/api/mail-suppressions?reason=bounced&q=ada");
  REQUIRE(list["data.0.address"] == "ada@example.com");
  CHECK(list["data.0.status_code"] == "5.1.1");
  CHECK(list["data.0.mail_id"] == "mail_1");
  auto const path = "/api/mail-suppressions/" + list["data.0.id"];
  CHECK(world.app.as(Role::support).send("DELETE", path, "", {}).status == 403);
  CHECK(owner.send("DELETE", path, "", {}).status == 204);
  CHECK(owner.send("DELETE", path, "", {}).status == 404);
  CHECK(world.app.value("SELECT before->>'address' FROM audit_logs WHERE action = "
                        "'mail.suppression_lifted'") == "ada@example.com");
  world.send("ada@example.com", plain, about);
  CHECK(world.last("state") == "sent");
}

TEST_CASE("what a mail server has against us, or for the moment, suppresses nobody") {
  World world;
  for (auto const& [command, answer, state, code] :
       {std::tuple{"RCPT", "554 5.7.1 you are on a blocklist", "failed", "5.7.1"},
        {"MAIL", "550 5.1.8 bad sender", "failed", "5.1.8"},
        {".", "550 5.7.26 unauthenticated mail", "failed", "5.7.26"},
        {"RCPT", "552 5.2.2 mailbox full", "bounced", "5.2.2"},
        {"RCPT", "550 no", "bounced", ""}}) {
    CAPTURE(answer);
    world.server.behave();
    world.server.say_to(command, answer);
    world.send();
    CHECK(world.last("state") == state);
    CHECK(world.last("coalesce(status_code, '')") == code);
    CHECK(world.last("last_error") == std::string{"SMTP: "} + answer);
  }
  CHECK(world.app.value("SELECT count(*) FROM mail_suppressions") == "0");
  CHECK(world.attention("mail_refused") == 3);
  CHECK(world.attention("mail_failed") == 0);
  world.server.behave();
  world.send();
  CHECK(world.last("state") == "sent");
}

TEST_CASE("what has a key is written once, however often and late it is asked for") {
  auto app = App::fresh();
  auto const once = [&](std::string const& key) {
    mail::Once out{};
    app.database.transact([&](db::Tx& tx) {
      out = mail::send_once(tx, key, plain, i18n::Locale::en, "ada@example.com", {});
    });
    return out;
  };
  auto const first = once("dunning/inv_1/first_mail");
  CHECK(first.is_new);
  auto const again = once("dunning/inv_1/first_mail");
  CHECK_FALSE(again.is_new);
  CHECK(again.id == first.id);
  CHECK(once("dunning/inv_1/second_mail").is_new);
  app.work();
  CHECK(app.value("SELECT count(*) FROM mails") == "2");
  // Mails are removed after half a year, keys are not.
  app.run("DELETE FROM mails");
  CHECK_FALSE(once("dunning/inv_1/first_mail").is_new);
  CHECK(app.value("SELECT count(*) FROM mails") == "0");

  // Never none: whoever gave up has written nothing.
  CHECK_THROWS(app.database.transact([&](db::Tx& tx) {
    static_cast<void>(
        mail::send_once(tx, "late/1/runs", plain, i18n::Locale::en, "ada@example.com", {}));
    throw std::runtime_error{"given up"};
  }));
  CHECK(once("late/1/runs").is_new);

  // Of two at once the second waits, and writes nothing.
  bool second_is_new = true;
  std::thread second;
  app.database.transact([&](db::Tx& tx) {
    CHECK(mail::send_once(tx, "k", plain, i18n::Locale::en, "ada@example.com", {}).is_new);
    second = std::thread{[&] {
      db::Connection other{app.database.url()};
      db::transact(other, [&](db::Tx& own) {
        second_is_new =
            mail::send_once(own, "k", plain, i18n::Locale::en, "ada@example.com", {}).is_new;
      });
    }};
    db::Connection looking{app.database.url()};
    CHECK(support::eventually([&] {
      auto const waiting = looking.execute(
          "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database OR database IS NULL WHERE "
          "NOT granted AND locktype = 'transactionid' LIMIT 1");
      return PQntuples(waiting.get()) == 1;
    }));
  });
  second.join();
  CHECK_FALSE(second_is_new);
}

TEST_CASE("who declines one kind of mail gets no more of it, and all others") {
  World world;
  world.send("ada@example.com", news);
  auto const token = world.last("decline_token");
  auto const visitor = world.app.visitor();
  auto const one_click = [&](std::string const& end) {
    return visitor.send("POST", "/unsubscribe/" + end, "List-Unsubscribe=One-Click",
                        {"Content-Type: application/x-www-form-urlencoded"});
  };
  // Programs that look at links before people do change nothing.
  CHECK(visitor.get("/unsubscribe/" + token, {"Accept: text/html"}).status == 200);
  auto const before = visitor.get("/api/unsubscribe/" + token);
  CHECK(before["template"] == "place_again");
  CHECK(before["declined"] == "false");
  CHECK(one_click("no-such-token").status == 404);
  CHECK(visitor.get("/api/unsubscribe/no-such-token").status == 404);
  CHECK(world.app.value("SELECT count(*) FROM mail_suppressions") == "0");

  CHECK(one_click(token).status == 204);
  CHECK(one_click(token).status == 204);
  CHECK(visitor.get("/api/unsubscribe/" + token)["declined"] == "true");
  world.send("ADA@example.com", news);
  CHECK(world.last("state") == "suppressed");
  CHECK(world.last("last_error") == "declined");
  world.send("ada@example.com", plain);
  CHECK(world.last("state") == "sent");
  world.send("eva@example.com", news);
  CHECK(world.last("state") == "sent");

  CHECK(visitor.post("/api/unsubscribe/" + token, {{"declined", false}})["declined"] == "false");
  world.send("ada@example.com", news);
  CHECK(world.last("state") == "sent");
  CHECK(world.app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'mail.%' ORDER BY "
                       "id") == Rows{"mail.declined|place_again", "mail.declined|place_again",
                                     "mail.decline_taken_back|place_again"});
  // The secret of the link stands nowhere but in its mail.
  CHECK(world.app.value("SELECT count(*) FROM audit_logs WHERE audit_logs::text LIKE '%" + token +
                        "%'") == "0");
}
