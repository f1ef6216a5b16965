// The outbox as staff read it, and what a new installation is told to do next.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {

void fill(App const& app) {
  app.run(R"sql(
    INSERT INTO mails (template, locale, recipient, subject, body, state, last_error)
    SELECT 'tenant_ready', CASE WHEN i % 2 = 0 THEN 'es' ELSE 'en' END, 'person' || i || '@example.com',
           CASE WHEN i % 3 = 0 THEN '100% ready' ELSE 'Almost_there' END, 'Text ' || i,
           (ARRAY['queued', 'sent', 'kept', 'failed'])[1 + i % 4]::mail_state,
           CASE WHEN i % 4 = 3 THEN 'SMTP: refused' END
      FROM generate_series(1, 12) AS i)sql");
}

/// Ids over all pages of two.
Rows walk(support::Caller const& caller, std::string const& query) {
  Rows ids;
  std::string cursor;
  do {
    auto const page =
        caller.get("/api/mails?limit=2&" + query + (cursor.empty() ? "" : "&cursor=" + cursor));
    REQUIRE(page.status == 200);
    for (auto const& mail : page.json.at("data").as_array()) ids.push_back(Reply::text(mail, "id"));
    cursor = page["has_more"] == "true" ? page["next_cursor"] : "";
    REQUIRE(ids.size() < 100);
  } while (!cursor.empty());
  return ids;
}

bool has(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// "mail true, domain false, …"
std::string steps(support::Caller const& caller) {
  auto const reply = caller.get("/api/dashboard/first-steps");
  REQUIRE(reply.status == 200);
  std::string out;
  for (auto const& step : reply.json.at("data").as_array())
    if (Reply::text(step, "done") == "true") out += Reply::text(step, "step") + " ";
  return out;
}

}  // namespace

TEST_CASE("mails are filtered by state and by what stands in their head") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  for (auto const& [query, condition] : {
           std::pair{"", "true"},
           std::pair{"state=failed", "state = 'failed'"},
           std::pair{"q=PERSON1@", "recipient = 'person1@example.com'"},
           std::pair{"q=100%25", "subject LIKE '100\\%%'"},
           std::pair{"q=most_t", "subject = 'Almost_there'"},
           std::pair{"q=100_", "false"},
           std::pair{"q=text", "false"},
           std::pair{"state=kept&q=ready", "state = 'kept' AND subject = '100% ready'"},
       }) {
    CAPTURE(query);
    CHECK(walk(owner, query) == app.rows(std::string{"SELECT 'mail_' || id FROM mails WHERE "} +
                                         condition + " ORDER BY id DESC"));
  }
  CHECK(owner.get("/api/mails?state=lost").wrong_fields() == "?state");
  for (auto const role : {Role::support, Role::finance, Role::auditor})
    CHECK(app.as(role).get("/api/mails").status == 403);
}

TEST_CASE("one mail is shown whole") {
  auto app = App::fresh();
  fill(app);
  auto const mail = app.as(Role::owner).get("/api/mails/mail_3");
  CHECK(mail["body"] == "Text 3");
  CHECK(mail["state"] == "failed");
  CHECK(mail["last_error"] == "SMTP: refused");
  CHECK(app.as(Role::owner).get("/api/mails/mail_99").status == 404);
}

namespace {
/// The text of the newest mail of this kind, as its .eml has it.
std::string text_of(App const& app, std::string const& kind) {
  auto const id = app.value("SELECT max(id) FROM mails WHERE template = '" + kind + "'");
  auto const eml =
      files::read(std::filesystem::path{app.settings.data_dir} / "mails" / (id + ".eml"));
  REQUIRE_MESSAGE(eml.has_value(), kind << " was not delivered");
  auto const head = eml->find("Content-Type: text/plain");
  auto const begin = eml->find("\r\n\r\n", head) + 4;
  bool const coded = eml->substr(head, begin - head).find("quoted-printable") != std::string::npos;
  auto const end = eml->find("\r\n--=_alternative", begin);
  std::string out;
  for (std::size_t i = begin; i < end; ++i) {
    bool const is_code = coded && (*eml)[i] == '=';
    if (is_code && (*eml)[i + 1] != '\r')
      out += char(std::stoi(eml->substr(i + 1, 2), nullptr, 16));
    if (is_code)
      i += 2;
    else if ((*eml)[i] != '\r')
      out += (*eml)[i];
  }
  return out;
}

void say_who_we_are(App& app, std::string const& version, boost::json::object const& who) {
  boost::json::object all{{"reporting_zone", "UTC"}, {"reporting_currency", "eur"}};
  for (auto const& [name, value] : who) all[name] = value;
  auto const reply =
      app.as(Role::owner)
          .send("PUT", "/api/settings/groups/organisation", boost::json::serialize(all),
                {"Content-Type: application/json", "If-Match: \"" + version + "\""});
  REQUIRE(reply.status == 200);
}
}  // namespace

TEST_CASE("beneath mails to customers stands who writes, in their language") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const nobody = text_of(app, "payment_received");
  CHECK(nobody.ends_with("as soon as it runs.\n"));

  // Nothing in it is a name to be filled in, nor markup, nor the end of anything.
  say_who_we_are(app, "0",
                 {{"legal_name", "Ñandú {name} <b>&amp; Hijos SL"},
                  {"address", ".\nCalle Mayor 1\n28001 Madrid"},
                  {"vat_id", "ESB12345678"}});
  app.sign_up_and_pay(acme({{"email", "eva@example.com"}, {"subdomain", "eva"}}));
  CHECK(text_of(app, "payment_received")
            .ends_with("as soon as it runs.\n\nÑandú {name} <b>&amp; Hijos SL\n.\nCalle Mayor "
                       "1\n28001 Madrid\nVAT number: ESB12345678\n"));
  app.sign_up_and_pay(acme({{"email", "luz@example.com"}, {"subdomain", "luz"}, {"locale", "es"}}));
  auto const spanish = text_of(app, "payment_received");
  CHECK(spanish.ends_with("28001 Madrid\nNúmero de IVA: ESB12345678\n"));
  CHECK(has(app.as(Role::owner)
                .get("/api/mails/mail_" + app.value("SELECT max(id) FROM mails WHERE template = "
                                                    "'payment_received'"))["body"],
            "Número de IVA: ESB12345678"));

  say_who_we_are(app, "1", {{"legal_name", ""}, {"address", ""}, {"vat_id", "ESB12345678"}});
  db::Connection connection{app.database.url()};
  auto const send = [&](std::string_view name, bool declinable) {
    mail::Template const text{name, {"Hello", "Text.\n"}, {"Hola", "Texto.\n"}, declinable};
    db::transact(connection,
                 [&](db::Tx& tx) { mail::send(tx, text, i18n::Locale::en, "a@example.com", {}); });
    app.work();
    return text_of(app, std::string{name});
  };
  CHECK(send("to_strangers", true)
            .starts_with("Text.\n\nVAT number: ESB12345678\n\nNo more of these emails:\nhttp"));
  CHECK(send("to_staff", false) == "Text.\n");
}

TEST_CASE("files of mails go with their time") {
  auto app = App::fresh();
  auto const directory = std::filesystem::path{app.settings.data_dir} / "mails";
  auto write = [&](std::string const& name, std::chrono::hours age) {
    files::write_atomically(directory / name, "a mail", 0600);
    std::filesystem::last_write_time(directory / name,
                                     std::filesystem::file_time_type::clock::now() - age);
  };
  files::make_directory(directory, 0700);
  write("old.eml", std::chrono::days{181});
  write("young.eml", std::chrono::days{179});
  app.run("ALTER TABLE mails ALTER COLUMN id RESTART WITH 100");
  app.run(
      "WITH one AS (INSERT INTO mails (template, locale, recipient, subject, body) VALUES ('t', "
      "'en', 'ada@example.com', 's', 'b') RETURNING id) SELECT enqueue_job('mail.deliver', "
      "jsonb_build_object('mail_id', id), NULL, NULL, 1) FROM one");
  app.work();
  CHECK(app.value("SELECT state FROM mails WHERE id = 100") == "kept");
  CHECK(std::filesystem::exists(directory / "100.eml"));
  CHECK(std::filesystem::exists(directory / "young.eml"));
  CHECK_FALSE(std::filesystem::exists(directory / "old.eml"));
}

TEST_CASE("the first steps are done when they have happened") {
  auto app = App::fresh({.sandbox = true});
  CHECK(steps(app.as(Role::auditor)).empty());
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES ('A', 'B', "
      "'c@example.com', 'ES', 'en')");
  auto live = [&](std::string const& provisioner) {
    app.run(
        "INSERT INTO tenants (customer_id, subdomain, plan_id, state, live_at, max_users, "
        "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint) "
        "VALUES (1, '" +
        provisioner + "-one', 'team', 'live', now(), 1, 1, 1, 1, '" + provisioner + "', 'sample')");
  };
  live("demo");
  CHECK(steps(app.as(Role::auditor)).empty());
  live("process");
  CHECK(steps(app.as(Role::auditor)) == "first_tenant ");
  app.sign_up_and_pay(acme());
  CHECK(steps(app.as(Role::auditor)) == "first_tenant stripe_events ");
}

TEST_CASE("the first steps follow the settings") {
  auto app = App::fresh({.settings = [](config::Settings& settings) {
    settings.smtp_url = "smtp://localhost:1";
    settings.tenant_domain = "tenants.example";
    settings.stripe_secret_key = "sk_live_of_nobody";
  }});
  CHECK(steps(app.as(Role::auditor)) == "stripe_live mail domain ");
}

TEST_CASE("pages are told whether mails go out or are kept") {
  for (auto const& [server, sends] :
       {std::pair{"", "false"}, std::pair{"smtp://mail.example.com", "true"}}) {
    CAPTURE(server);
    auto app = App::fresh({.sandbox = true, .settings = [server = server](auto& settings) {
                             settings.smtp_url = server;
                           }});
    auto const signup = app.sign_up(acme());
    CHECK(app.visitor().get("/api/plans")["sends_mail"] == sends);
    CHECK(app.visitor().get(App::status_path(signup))["sends_mail"] == sends);
    CHECK(app.as(Role::owner).get("/api/admin/me")["sends_mail"] == sends);
  }
}
