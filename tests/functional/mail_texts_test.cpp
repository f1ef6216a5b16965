// The words of mails as staff change them.
#include <doctest/doctest.h>

#include "platform/i18n/words.hpp"
#include "platform/mail/texts.hpp"
#include "support/app.hpp"

using support::App;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
constexpr auto path = "/api/mail-texts/portal_link";

boost::json::object words(std::string const& english, std::string const& spanish) {
  return {{"en_subject", "Page of {company}"},
          {"en_body", english},
          {"es_subject", "Página de {company}"},
          {"es_body", spanish}};
}

Reply put(support::Caller const& caller, boost::json::object const& words, std::string const& tag) {
  return caller.send("PUT", path, boost::json::serialize(words),
                     {"Content-Type: application/json", "If-Match: " + tag});
}

mail::Declared const& portal_link() {
  for (auto const* one : mail::Declared::all())
    if (one->name == "portal_link") return *one;
  throw std::logic_error{"there is no portal_link"};
}

std::string write(App& app, i18n::Locale locale) {
  app.database.transact([&](db::Tx& tx) {
    mail::send(tx, portal_link(), locale, "ada@example.com",
               {{"name", "Ada {x}"},
                {"company", "Acme"},
                {"link", "https://e.example/l"},
                {"support", "s@e.example"}});
  });
  return app.value("SELECT subject || '|' || body FROM mails ORDER BY id DESC LIMIT 1");
}
}  // namespace

TEST_CASE("the program's own words fit, and each of their parameters has an example") {
  CHECK(mail::Declared::all().size() > 35);
  std::set<std::string_view> names;
  for (auto const* one : mail::Declared::all()) {
    CAPTURE(one->name);
    CHECK(names.insert(one->name).second);
    for (auto const locale : {i18n::Locale::en, i18n::Locale::es}) {
      CHECK(mail::fits(*one, locale, mail::own_text(*one, locale)));
      for (auto const& name : mail::parameters_of(*one))
        CHECK_MESSAGE(i18n::word(locale, "mail_example." + name).has_value(), name);
    }
  }
}

TEST_CASE("staff change the words of a mail, and of two the second sees both versions") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), admin = app.as(Role::admin);
  auto const before = owner.get(path);
  REQUIRE(before.status == 200);
  CHECK(before["changed"] == "false");
  CHECK(before.header("etag") == "\"0\"");
  CHECK(owner.get("/api/mail-texts/no_such_mail").status == 404);
  CHECK(owner
            .send("PUT", path, boost::json::serialize(words("x {link}", "y {link}")),
                  {"Content-Type: application/json"})
            .status == 428);

  auto const saved = put(owner, words("Hello {name}: {link}\n", "Hola, {name}: {link}\n"), "\"0\"");
  REQUIRE(saved.status == 200);
  CHECK(saved["changed"] == "true");
  CHECK(saved["version"] == "1");
  auto const late = put(admin, words("Mine: {link}", "Mío: {link}"), "\"0\"");
  CHECK(late.status == 412);
  CHECK(late["current.words.en_body"] == "Hello {name}: {link}\n");

  CHECK(write(app, i18n::Locale::en) == "Page of Acme|Hello Ada {x}: https://e.example/l\n");
  CHECK(write(app, i18n::Locale::es) == "Página de Acme|Hola, Ada {x}: https://e.example/l\n");
  CHECK(app.rows("SELECT action, target, after->>'es_body' FROM audit_logs WHERE action LIKE "
                 "'mail_text.%'") == Rows{"mail_text.changed|portal_link|Hola, {name}: {link}\n"});
  auto const list = owner.get("/api/mail-texts");
  for (auto const& line : list.json.at("data").as_array()) {
    CAPTURE(Reply::text(line, "template"));
    CHECK(Reply::text(line, "changed") ==
          (Reply::text(line, "template") == "portal_link" ? "true" : "false"));
    CHECK(Reply::text(line, "fits") == "true");
  }

  // Back to the program's own; the version goes on.
  CHECK(owner.send("DELETE", path, "", {"If-Match: \"0\""}).status == 412);
  auto const reset = owner.send("DELETE", path, "", {"If-Match: \"1\""});
  CHECK(reset["changed"] == "false");
  CHECK(reset["version"] == "2");
  CHECK(write(app, i18n::Locale::en).starts_with("Your page of Acme: invoices"));
}

TEST_CASE("words that lack or invent a parameter are refused with the field named") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const& [english, spanish, fields] :
       {std::tuple{"Hello {name}", "Hola: {link}", "/en_body"},
        {"{link} {token}", "{link}", "/en_body"},
        {"{link}", "{link} {", "/es_body"},
        {"{link} }", "{link}", "/en_body"},
        {"{link}", "{LINK}", "/es_body /es_body"},
        {"", "{link}", "/en_body"},
        {"{link}", "{link}", ""}}) {
    CAPTURE(english);
    CAPTURE(spanish);
    auto const reply = put(owner, words(english, spanish), "\"0\"");
    CHECK(reply.wrong_fields() == fields);
    CHECK(reply.status == (*fields ? 422 : 200));
  }
  auto const missing = put(owner, words("Hello", "{link}"), "\"1\"");
  CHECK(missing.problem_of("/en_body") == "missing_parameter");
  for (auto const role : {Role::support, Role::finance, Role::auditor})
    CHECK(put(app.as(role), words("{link}", "{link}"), "\"1\"").status == 403);
}

TEST_CASE("changed words that no longer fit are passed over: the mail goes out all the same") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO mail_texts (template, version, en_subject, en_body, es_subject, es_body) VALUES "
      "('portal_link', 3, 'Old {gone}', 'Old {link}', 'Viejo {company}', 'Viejo {link}')");
  CHECK(write(app, i18n::Locale::en).starts_with("Your page of Acme: invoices"));
  CHECK(write(app, i18n::Locale::es) == "Viejo Acme|Viejo https://e.example/l");
  auto const list = app.as(Role::owner).get("/api/mail-texts");
  for (auto const& line : list.json.at("data").as_array())
    if (Reply::text(line, "template") == "portal_link") CHECK(Reply::text(line, "fits") == "false");
}

TEST_CASE("a draft is shown and sent to whoever asks, with example values") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const shown = owner.get(std::string{path} +
                               "/preview?locale=es&subject=P%C3%A1gina%20de%20%7Bcompany%7D&body="
                               "Hola%3A%0A%0A%7Blink%7D");
  REQUIRE(shown.status == 200);
  CHECK(shown["subject"] == "Página de Acme SL");
  CHECK(shown["text"] == "Hola:\n\nhttps://example.com/one-time-link");
  CHECK(shown["html"].find(">Abrir la página</a>") != std::string::npos);
  CHECK(owner.get(std::string{path} + "/preview?locale=en&subject=x&body=y").status == 422);
  CHECK(app.value("SELECT count(*) FROM mails") == "0");

  boost::json::object const draft{
      {"locale", "en"}, {"subject", "Page of {company}"}, {"body", "Open {link}"}};
  auto const sent = owner.post(std::string{path} + "/test", draft);
  REQUIRE(sent.status == 200);
  CHECK(sent["recipient"] == App::email_of(Role::owner));
  CHECK(app.rows("SELECT 'mail_' || id, recipient, subject, body, state FROM mails") ==
        Rows{sent["mail_id"] + "|" + App::email_of(Role::owner) +
             "|[Test] Page of Acme SL|Open https://example.com/one-time-link|queued"});
  CHECK(app.as(Role::auditor).post(std::string{path} + "/test", draft).status == 403);
}
