// Lists on paper: what a reader sees in the file, in both languages, and how far it may grow.
#include <doctest/doctest.h>

#include "platform/list/export_rows.hpp"
#include "platform/pdf/test_file.hpp"
#include "support/app.hpp"

using support::App;
using support::Caller;
using support::Role;

namespace {
void add_tenants(App const& app, std::vector<std::string> const& companies) {
  for (auto const& company : companies)
    app.run("INSERT INTO customers (company, name, email, country, locale) VALUES ('" + company +
            "', 'P', 'p' || (SELECT count(*) FROM customers) || '@example.com', 'ES', 'es')");
  app.run(R"sql(
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at, created_at)
    SELECT id, 'acme-' || id, 'team', (CASE id WHEN 4 THEN 'suspended' ELSE 'live' END)::tenant_state,
           'healthy', 1, 1, 1, 1, 'process', 'sample', now(), timestamptz '2026-07-01 10:00:00.25'
      FROM customers;
    )sql");
  app.run(R"sql(
    INSERT INTO subscriptions (customer_id, tenant_id, stripe_subscription_id, status, currency, mrr,
                               started_at)
    SELECT id, id, 'sub_' || id, 'active', (ARRAY['eur', 'jpy', 'kwd', 'usd'])[id], 4905, now()
      FROM customers WHERE id <= 4)sql");
}

void add_mails(App const& app, int count) {
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) SELECT 'welcome', "
      "'en', 'p' || i || '@example.com', 'Hello ' || i, '', 'kept' FROM generate_series(1, " +
      std::to_string(count) + ") AS i");
}

support::Reply put(Caller const& caller, std::string const& group, boost::json::object const& to) {
  return caller.send("PUT", "/api/settings/groups/" + group, boost::json::serialize(to),
                     {"Content-Type: application/json", "If-Match: \"0\""});
}

/// Whether the parts stand in the text one after the other.
bool in_order(std::string_view text, std::vector<std::string> const& parts) {
  std::size_t at = 0;
  for (auto const& part : parts)
    if ((at = text.find(part, at)) == std::string::npos) return false;
  return true;
}

/// Without line breaks: a cell that is too long for its column goes on in the next line.
std::string in_one_line(std::string text) {
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return text;
}

std::string const columns = "&columns=id,company,state,mrr.amount,mrr.currency,created_at";
}  // namespace

TEST_CASE(
    "a list as a document speaks its reader's language, filtered, in order, with its issuer") {
  auto app = App::fresh();
  add_tenants(app, {"Alba", "Bruma", "Cierzo", "Duna"});
  auto const owner = app.as(Role::owner);
  REQUIRE(put(owner, "organisation",
              {{"legal_name", "Ñandú SL"},
               {"address", ""},
               {"vat_id", ""},
               {"reporting_zone", "UTC"},
               {"reporting_currency", "eur"}})
              .status == 200);
  auto const spanish = owner.get(
      "/api/tenants/export?format=pdf&language=es&state=live&sort=-subdomain&zone=Europe/Madrid" +
      columns);
  REQUIRE(spanish.status == 200);
  CHECK(spanish.header("content-type") == "application/pdf");
  CHECK(has(spanish.header("content-disposition"), ".pdf\""));
  File const file{spanish.body};
  file.check_form();
  CHECK(has(file.about(), "Title:           Tenants\n"));
  CHECK(has(file.about(), "Author:          Ñandú SL\n"));
  CHECK(has(file.bytes, "/Lang (es)"));
  auto const text = file.text();
  CAPTURE(text);
  CHECK(in_order(text, {"Ñandú SL", "Tenants", "Orden: Subdominio, descendente; Estado: Activo",
                        "Datos del 20", "(Europe/Madrid)", "ID del tenant Empresa Estado MRR",
                        "Creado", "ten_3 Cierzo Activo 4,905 kwd 2026-07-01 12:00:00\n",
                        "ten_2 Bruma Activo 4905 jpy 2026-07-01 12:00:00\n",
                        "ten_1 Alba Activo 49,05 eur 2026-07-01 12:00:00\n", "Página 1 de 1"}));
  CHECK(!has(text, "Duna"));

  // English unless told, and a document of nothing says so by its foot.
  auto const english = File{owner.get("/api/tenants/export?format=pdf" + columns).body}.text();
  CAPTURE(english);
  CHECK(in_order(english, {"Tenants", "All rows", "As of 20", "(UTC)",
                           "Tenant ID Company State MRR", "Created", "Page 1 of 1"}));
  CHECK(has(english, "ten_1 Alba Live 49.05 eur 2026-07-01 10:00:00\n"));
  CHECK(has(english, "ten_4 Duna Suspended 49.05 usd"));
  auto const empty =
      File{owner.get("/api/tenants/export?format=pdf&q=nobody" + columns).body}.text();
  CHECK(in_order(empty, {"Search: nobody", "Tenant ID Company State MRR", "Page 1 of 1"}));

  CHECK(app.rows("SELECT actor, target, after->>'format', after->>'filters', after->>'rows' FROM "
                 "audit_logs WHERE action = 'tenants.exported' ORDER BY id LIMIT 1") ==
        std::vector<std::string>{"owner@example.com|tenants|pdf|sort=-subdomain, state=live|3"});
}

TEST_CASE("numbers stand at the end of their column, and on paper zones stand at the foot only") {
  auto app = App::fresh();
  add_tenants(app, {"Alba", "Bruma"});
  auto const reply =
      app.as(Role::owner).get("/api/tenants/export?format=pdf&columns=mrr.amount,id");
  // <word xMin="…" yMin="…" xMax="…" yMax="…">49.05</word>
  auto const words = File{reply.body}.text("-bbox");
  auto const end_of = [&](std::string const& number) {
    auto const at = words.find('>' + number + '<');
    REQUIRE_MESSAGE(at != std::string::npos, words);
    return std::stod(words.substr(words.rfind("xMax=\"", at) + 6));
  };
  CHECK(end_of("49.05") == doctest::Approx(end_of("4905")).epsilon(0.001));
  CHECK(list::without_zone("2026-07-01 12:00:00.25+02") == "2026-07-01 12:00:00");
  CHECK(list::without_zone("2026-07-01 12:00:00-03:30") == "2026-07-01 12:00:00");
  CHECK(list::without_zone("infinity") == "infinity");
  CHECK(list::without_zone("-infinity") == "-infinity");
}

TEST_CASE("the same rows at the same moment are the same bytes") {
  auto app = App::fresh();
  add_tenants(app, {"Alba", "شركة النور"});
  auto const owner = app.as(Role::owner);
  // A document knows whole seconds.
  CHECK(support::eventually([&] {
    auto const once = owner.get("/api/tenants/export?format=pdf").body;
    return once.starts_with("%PDF") && owner.get("/api/tenants/export?format=pdf").body == once;
  }));
}

TEST_CASE("what strangers call themselves stays a text") {
  auto app = App::fresh();
  std::string const long_word(200, 'w');
  add_tenants(app, {"شركة النور", "<b>bold</b> &amp; =1+1", "gnp.\u202Ecod", long_word});
  auto const reply =
      app.as(Role::owner)
          .get("/api/tenants/export?format=pdf&language=es&columns=id,company,state");
  REQUIRE(reply.status == 200);
  File const file{reply.body};
  file.check_form();
  auto const text = in_one_line(file.text());
  CHECK(has(text, "<b>bold</b> &amp; =1+1"));
  CHECK(has(text, "gnp.\uFFFDcod"));
  CHECK(!has(text, "\u202E"));
  auto const structure = file.structure();
  CHECK(has(structure, "\"شركة النور\""));
  CHECK(has(structure, '"' + long_word + '"'));
  // Nobody's search is more than words, either.
  auto const searched =
      app.as(Role::owner).get("/api/tenants/export?format=pdf&columns=id&q=%3Cb%3E%E2%80%AEgnp");
  CHECK(has(File{searched.body}.text(), "Search: <b>\uFFFDgnp"));
}

TEST_CASE("five thousand rows fit, one more is told, at once and when it is ordered") {
  auto app = App::fresh();
  add_mails(app, 5'000);
  auto const owner = app.as(Role::owner);
  std::string const path = "/api/mails/export?format=pdf&columns=id,subject&sort=id";
  auto const reply = owner.get(path);
  REQUIRE(reply.status == 200);
  File const file{reply.body};
  auto const text = file.text();
  CHECK(count(text, " Hello ") == 5'000);
  CHECK(in_order(text, {"mail_1 Hello 1\n", "mail_2500 Hello 2500\n", "mail_5000 Hello 5000\n"}));

  boost::json::object const order{{"list", "mails"}, {"format", "pdf"}, {"filters", "state=kept"}};
  auto const taken = owner.post("/api/exports", order);
  REQUIRE(taken.status == 202);
  add_mails(app, 1);
  auto const refused = owner.get(path);
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "pdf_too_large");
  CHECK(owner.get("/api/mails/export?format=csv&columns=id").status == 200);
  CHECK(owner.get(path + "&q=p5000").status == 200);
  // What is ordered now, and what was ordered before there were too many.
  CHECK(owner.post("/api/exports", order)["code"] == "pdf_too_large");
  auto more = order;
  more["filters"] = "state=kept&q=example";
  CHECK(owner.post("/api/exports", more)["code"] == "pdf_too_large");
  CHECK(app.value("SELECT count(*) FROM exports") == "1");
  app.work();
  auto const ended = owner.get(taken.header("location"));
  CHECK(ended["state"] == "failed");
  CHECK(ended["error_code"] == "pdf_too_large");
  CHECK(app.value("SELECT count(*) FROM export_parts") == "0");
  CHECK(app.jobs("list.make_export") == std::vector<std::string>{"done"});
}

TEST_CASE("a document is read by those who may read its list, and ordered it is the same") {
  auto app = App::fresh();
  add_mails(app, 30);
  for (auto const role : {Role::support, Role::finance, Role::auditor})
    CHECK(app.as(role).get("/api/mails/export?format=pdf").status == 403);
  CHECK(app.visitor().get("/api/mails/export?format=pdf").status == 401);
  CHECK(app.as(Role::support)
            .post("/api/exports", boost::json::object{{"list", "mails"}, {"format", "pdf"}})
            .status == 403);

  auto const owner = app.as(Role::owner);
  auto const taken = owner.post("/api/exports", boost::json::object{{"list", "mails"},
                                                                    {"format", "pdf"},
                                                                    {"language", "es"},
                                                                    {"sort", "id"},
                                                                    {"columns", {"id", "subject"}},
                                                                    {"filters", "q=p1"}});
  REQUIRE(taken.status == 202);
  CHECK(taken["file_name"].ends_with(".pdf"));
  app.work();
  auto const done = owner.get(taken.header("location"));
  CHECK(done["state"] == "done");
  CHECK(done["rows_done"] == "11");
  auto const fetched = owner.get(taken.header("location") + "/file");
  CHECK(fetched.status == 200);
  CHECK(fetched.header("content-type") == "application/pdf");
  File const file{fetched.body};
  file.check_form();
  auto const at_once =
      owner.get("/api/mails/export?format=pdf&language=es&sort=id&columns=id,subject&q=p1");
  // But for the moment they say the same.
  auto const rows_of = [](std::string const& text) {
    return text.substr(text.find("mail_1 "),
                       text.find("Datos del", text.find("mail_1 ")) - text.find("mail_1 "));
  };
  auto const text = file.text();
  CHECK(in_order(text, {"Búsqueda: p1", "mail_1 Hello 1\n", "mail_19 Hello 19\n"}));
  CHECK(rows_of(text) == rows_of(File{at_once.body}.text()));
}
