// The book of entries: what follows from an invoice's papers, whatever the order in which they
// come, and what the reports' doors make of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "ledger/dossier.hpp"
#include "ledger/rebuild.hpp"
#include "mirror/mirror.hpp"
#include "support/app.hpp"

using support::App;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
using boost::json::array;
using boost::json::object;

std::int64_t at(std::string const& text) {
  return clock_source::unix_seconds(
      *clock_source::parse(text.size() > 10 ? text : text + "T00:00:00Z"));
}

object line(std::string const& id, std::int64_t amount, std::string const& starts,
            std::string const& ends, object const& more = {}) {
  object out{{"id", id},
             {"amount", amount},
             {"period", object{{"start", at(starts)}, {"end", at(ends)}}},
             {"taxes", array{}}};
  for (auto const& [name, value] : more) out[name] = value;
  return out;
}

object exclusive_tax(std::int64_t amount) {
  return {{"taxes", array{object{{"amount", amount}, {"tax_behavior", "exclusive"}}}}};
}

object proration(std::string const& item) {
  return {{"parent",
           object{{"invoice_item_details", object{{"invoice_item", item}, {"proration", true}}}}}};
}

object payment(std::string const& id, std::int64_t amount, std::string const& when) {
  return {{"id", id},
          {"status", "paid"},
          {"amount_paid", amount},
          {"status_transitions", object{{"paid_at", at(when)}}},
          {"payment", object{{"type", "payment_intent"}}}};
}

object invoice(std::string const& id, std::int64_t total, std::string const& finalised,
               array const& lines, object const& more = {}) {
  object out{{"id", id},
             {"object", "invoice"},
             {"currency", "eur"},
             {"status", "open"},
             {"total", total},
             {"starting_balance", 0},
             {"ending_balance", 0},
             {"amount_paid", 0},
             {"status_transitions", object{{"finalized_at", at(finalised)}}},
             {"payments", object{{"data", array{}}}},
             {"lines", object{{"data", lines}}}};
  for (auto const& [name, value] : more) out[name] = value;
  return out;
}

object paid(object out, std::string const& id, std::string const& when) {
  auto const total = out.at("total").as_int64();
  out["status"] = "paid";
  out["amount_paid"] = total;
  out["status_transitions"].as_object()["paid_at"] = at(when);
  out["payments"].as_object()["data"].as_array().push_back(payment(id, total, when));
  return out;
}

object refund(std::string const& id, std::int64_t amount, std::string const& when,
              object const& more = {}) {
  object out{{"id", id},         {"object", "refund"},  {"currency", "eur"},
             {"amount", amount}, {"created", at(when)}, {"status", "succeeded"}};
  for (auto const& [name, value] : more) out[name] = value;
  return out;
}

/// The worked example of D17: three months of a plan and its set-up, with tax.
object example() {
  return paid(invoice("in_1", 18150, "2026-01-16",
                      {line("il_plan", 10000, "2026-01-16", "2026-04-16", exclusive_tax(2100)),
                       line("il_setup", 5000, "2026-01-16", "2026-01-16", exclusive_tax(1050))}),
              "inpay_1", "2026-01-16");
}

std::string figure(boost::json::value const& value) {
  if (value.is_null()) return "-";
  return value.is_double() ? fmt::format("{}", value.get_double()) : boost::json::serialize(value);
}

struct World {
  App app;
  customers::CustomerId customer{1};

  explicit World(support::With with = {}) : app{App::fresh(std::move(with))} {
    app.run(
        "INSERT INTO customers (company, name, email, country, locale) VALUES ('Acme', 'Ada', "
        "'ada@acme.example', 'ES', 'es')");
  }

  template <class Work>
  void write(Work&& work) const {
    db::Connection connection{app.database.url()};
    db::transact(connection, [&](db::Tx& tx) { work(tx); });
  }
  /// As the mirror does it, in the transaction that keeps the object.
  void keep(object const& what, std::string const& belongs_to = {}) const {
    write([&](db::Tx& tx) {
      mirror::keep(tx, what, clock_source::now(), {customer, belongs_to});
      auto const id = stripe::text(what, "id");
      if (stripe::text(what, "object") == "invoiceitem")
        ledger::follow_invoice_item(tx, customer, id, "evt_" + id);
      else
        ledger::follow_invoice(tx, customer, belongs_to.empty() ? id : belongs_to, "evt_" + id);
    });
  }
  void tell(std::string const& type, std::string const& object_id, std::string const& when,
            std::string const& status = {}) const {
    auto const payload = boost::json::serialize(
        object{{"data", object{{"object", object{{"id", object_id}, {"status", status}}}}}});
    app.run(
        "INSERT INTO stripe_events (id, type, object_id, created, payload, state) VALUES ('evt_" +
        type + object_id + when + "', '" + type + "', '" + object_id + "', '" + when + "', '" +
        payload + "', 'applied')");
  }

  Rows standing() const {
    return app.rows(
        "SELECT document, part, book, kind, currency, at, sum(amount), service_start, service_end, "
        "reverses FROM book_entries GROUP BY 1, 2, 3, 4, 5, 6, 8, 9, 10 HAVING sum(amount) <> 0 "
        "ORDER BY 1, 2, 3, 4, 6, 10");
  }
  /// "kind amount" of one book, by time.
  Rows book(std::string const& name) const {
    return app.rows("SELECT kind || ' ' || sum(amount) FROM book_entries WHERE book = '" + name +
                    "' GROUP BY document, part, kind, reverses, at HAVING sum(amount) <> 0 ORDER "
                    "BY at, document, part, reverses, kind");
  }
  std::string count() const { return app.value("SELECT count(*) FROM book_entries"); }
  void forget() const {
    app.run(
        "SET session_replication_role = replica; TRUNCATE book_entries, ledger_runs, "
        "stripe_objects CASCADE");
  }
  std::size_t rebuild() const {
    std::size_t found = 0;
    db::Connection connection{app.database.url()};
    ledger::rebuild(connection, [&](ledger::Difference const&) { ++found; });
    return found;
  }
  std::string now() const {
    return app.value(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
  }
  Reply report(std::string const& question) {
    auto reply = app.as(Role::finance).get("/api/reports/" + question);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return reply;
  }
  /// "period a b c" of each period.
  Rows figures(std::string const& question, std::vector<std::string> const& names) {
    auto const reply = report(question);
    Rows out;
    for (auto const& period : reply.json.at("periods").as_array()) {
      auto row = Reply::text(period, "period");
      for (auto const& name : names) row += " " + figure(period.at(name));
      out.push_back(row);
    }
    return out;
  }
};
std::string const spring = "from=2026-01&to=2026-04&currency=eur&timezone=UTC";
std::vector<std::string> const earned{"revenue", "contra", "net", "deferred"};
}  // namespace

TEST_CASE("the worked example, through the door") {
  World world;
  world.keep(example());
  world.keep(refund("re_1", 6050, "2026-03-01"), "in_1");
  CHECK(world.figures("recognised?" + spring, earned) ==
        Rows{"2026-01 6778 0 6778 8222", "2026-02 3111 0 3111 5111",
             "2026-03 2295 -3296 -1001 1112", "2026-04 1112 0 1112 0"});
  CHECK(world.figures("cash?" + spring, {"gross", "other", "refunds", "disputes", "net"}) ==
        Rows{"2026-01 18150 0 0 0 18150", "2026-02 0 0 0 0 0", "2026-03 0 0 6050 0 -6050",
             "2026-04 0 0 0 0 0"});
  // Weeks and days of the same months have the same in all.
  for (auto const* granularity : {"day", "week", "quarter"}) {
    std::int64_t revenue = 0, contra = 0;
    auto const reply =
        world.report("recognised?" + spring + "&granularity=" + std::string{granularity});
    for (auto const& period : reply.json.at("periods").as_array()) {
      revenue += period.at("revenue").as_int64();
      contra += period.at("contra").as_int64();
    }
    CHECK(revenue == 13296);
    CHECK(contra == -3296);
  }
  CHECK(world.figures("recognised?from=2026-01&to=2026-03&granularity=quarter", {"net"}) ==
        Rows{"2026-Q1 8888"});
}

TEST_CASE("a payment without an invoice is cash, with what became of it, until it has one") {
  World world;
  object charge{{"id", "ch_1"},
                {"object", "charge"},
                {"currency", "eur"},
                {"amount", 50'000},
                {"created", at("2026-02-03")},
                {"status", "succeeded"},
                {"amount_captured", 50'000}};
  auto const keep = [&](object const& what, std::string const& belongs_to = {}) {
    world.write([&](db::Tx& tx) {
      mirror::keep(tx, what, clock_source::now(), {world.customer, belongs_to});
      ledger::follow_charge(tx, world.customer, "ch_1", "evt_1");
    });
  };
  keep(refund("re_1", 50'000, "2026-03-01", {{"charge", "ch_1"}}));  // before what it gives back
  CHECK(world.count() == "0");
  keep(charge);
  keep({{"id", "dp_1"},
        {"object", "dispute"},
        {"charge", "ch_1"},
        {"currency", "eur"},
        {"amount", 700},
        {"created", at("2026-04-05")},
        {"status", "lost"}});
  auto const cash = Rows{"payment 50000", "refund -50000", "dispute_lost -700"};
  CHECK(world.book("cash") == cash);
  CHECK(world.figures("cash?" + spring, {"gross", "refunds", "disputes", "net"}) ==
        Rows{"2026-01 0 0 0 0", "2026-02 50000 0 0 50000", "2026-03 0 50000 0 -50000",
             "2026-04 0 0 700 -700"});
  auto const before = world.count();
  keep(charge);
  CHECK(world.count() == before);
  CHECK(world.rebuild() == 0);
  // It was an invoice's all along: that one has it in its own books.
  keep(charge, "in_1");
  CHECK(world.book("cash").empty());
}

TEST_CASE("papers in any order, twice, and made again, give the same books") {
  World world;
  object const note{{"id", "cn_1"},
                    {"object", "credit_note"},
                    {"created", at("2026-02-10")},
                    {"status", "issued"},
                    {"total", 1815},
                    {"pre_payment_amount", 0},
                    {"refunds", array{object{{"refund", "re_2"}, {"amount_refunded", 1815}}}}};
  object const item{{"id", "ii_1"},
                    {"object", "invoiceitem"},
                    {"currency", "eur"},
                    {"amount", 1210},
                    {"date", at("2026-02-01")},
                    {"period", object{{"start", at("2026-02-01")}, {"end", at("2026-03-01")}}},
                    {"proration", true}};
  // Its tax is inside of it, which only the invoice tells.
  object const later =
      invoice("in_2", 1210, "2026-03-01", {line("il_9", 1210, "2026-02-01", "2026-03-01", [] {
                auto more = proration("ii_1");
                more["taxes"] = array{object{{"amount", 210}, {"tax_behavior", "inclusive"}}};
                return more;
              }())});
  object const dispute{{"id", "du_1"},   {"object", "dispute"},         {"currency", "eur"},
                       {"amount", 1000}, {"created", at("2026-03-05")}, {"status", "lost"}};
  std::vector<std::pair<object, std::string>> papers{{example(), ""},
                                                     {note, "in_1"},
                                                     {refund("re_1", 6050, "2026-03-01"), "in_1"},
                                                     {refund("re_2", 1815, "2026-02-10"), "in_1"},
                                                     {item, ""},
                                                     {later, ""},
                                                     {dispute, "in_1"}};
  world.tell("charge.dispute.closed", "du_1", "2026-03-20", "lost");
  for (auto const& [paper, place] : papers) world.keep(paper, place);
  auto const expected = world.standing();
  CHECK(expected.size() == 18);
  CHECK(world.rebuild() == 0);
  auto const written = world.count();
  for (auto const& [paper, place] : papers) world.keep(paper, place);
  CHECK(world.count() == written);

  std::mt19937 generator{20261130};
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round);
    world.forget();
    std::shuffle(papers.begin(), papers.end(), generator);
    for (auto const& [paper, place] : papers) world.keep(paper, place);
    CHECK(world.standing() == expected);
    CHECK(world.rebuild() == 0);
  }
  // From nothing but the mirror.
  world.app.run(
      "SET session_replication_role = replica; TRUNCATE book_entries, ledger_runs CASCADE");
  CHECK(world.rebuild() == expected.size());
  CHECK(world.standing() == expected);
  CHECK(world.rebuild() == 0);
}

TEST_CASE("what is learnt late is dated when it happened, and both beliefs can be asked for") {
  World world;
  world.keep(example());
  auto const then = world.now();
  world.keep(refund("re_1", 6050, "2026-03-01"), "in_1");
  auto const between = world.now();
  // The bank sent it back: only the event knows when.
  world.tell("refund.failed", "re_1", "2026-03-20", "failed");
  world.keep(refund("re_1", 6050, "2026-03-01", {{"status", "failed"}}), "in_1");
  std::vector<std::string> const names{"gross", "refunds", "net"};
  auto const march = [&](std::string const& as_of) {
    return world.figures("cash?from=2026-03&to=2026-03" + as_of, names).at(0);
  };
  CHECK(march("") == "2026-03 0 0 0");
  CHECK(march("&as_of=" + between) == "2026-03 0 6050 -6050");
  CHECK(march("&as_of=" + then) == "2026-03 0 0 0");
  CHECK(world.figures("recognised?" + spring + "&as_of=" + between, {"net"}) ==
        Rows{"2026-01 6778", "2026-02 3111", "2026-03 -1001", "2026-04 1112"});
  CHECK(world.figures("recognised?" + spring, {"net"}) ==
        Rows{"2026-01 6778", "2026-02 3111", "2026-03 3444", "2026-04 1667"});
  CHECK(world.report("cash?" + spring + "&as_of=" + between)["as_of"] != "");
}

TEST_CASE("a wrong entry keeps its row and gets its opposite, and nobody can write over one") {
  World world;
  world.keep(example());
  auto moved = example();
  moved["status_transitions"].as_object()["paid_at"] = at("2026-01-20");
  moved["payments"].as_object()["data"].as_array()[0] = payment("inpay_1", 18150, "2026-01-20");
  world.keep(moved);
  CHECK(world.book("cash") == Rows{"payment 18150"});
  CHECK(world.app.rows("SELECT amount, at::date, undoes IS NOT NULL, event_id FROM book_entries "
                       "WHERE book = 'cash' ORDER BY id") == Rows{"18150|2026-01-16|f|evt_in_1",
                                                                  "-18150|2026-01-16|t|evt_in_1",
                                                                  "18150|2026-01-20|f|evt_in_1"});
  CHECK(world.app.value("SELECT count(*) FROM book_entries AS u JOIN book_entries AS e ON e.id = "
                        "u.undoes WHERE u.amount <> -e.amount OR u.believed_at <= e.believed_at") ==
        "0");
  db::Connection connection{world.app.database.url()};
  for (auto const* sql : {"UPDATE book_entries SET amount = 1", "DELETE FROM book_entries",
                          "TRUNCATE book_entries CASCADE"})
    CHECK_THROWS(connection.execute(sql));
  // What happens later is written beside it.
  moved["status"] = "void";
  moved["status_transitions"].as_object()["voided_at"] = at("2026-01-21");
  world.keep(moved);
  CHECK(world.app.value("SELECT sum(amount) FROM book_entries WHERE book = 'revenue'") == "0");
}

TEST_CASE("a proration earns while it waits, and being invoiced moves nothing") {
  World world;
  auto const item = [](std::string const& id, std::int64_t amount) {
    return object{{"id", id},
                  {"object", "invoiceitem"},
                  {"currency", "eur"},
                  {"amount", amount},
                  {"date", at("2025-09-16")},
                  {"invoice", nullptr},
                  {"period", object{{"start", at("2025-09-16")}, {"end", at("2025-10-01")}}},
                  {"proration", true}};
  };
  world.keep(invoice("in_1", 3000, "2025-09-01", {line("il_1", 3000, "2025-09-01", "2025-10-01")}));
  world.keep(item("ii_1", -1500));
  world.keep(item("ii_2", 3000));
  world.keep(item("ii_3", 700));
  std::string const autumn = "recognised?from=2025-09&to=2025-10&timezone=UTC";
  CHECK(world.figures(autumn, {"net"}) == Rows{"2025-09 5200", "2025-10 0"});
  world.write([&](db::Tx& tx) {
    mirror::mark_deleted(tx, "ii_3", clock_source::from_unix_seconds(at("2025-09-20")));
    ledger::follow_invoice_item(tx, world.customer, "ii_3", {});
  });
  CHECK(world.figures(autumn, {"net"}) == Rows{"2025-09 4500", "2025-10 0"});
  auto const written = world.count();
  auto draft = invoice("in_2", 1500, "2025-10-01",
                       {line("il_2", -1500, "2025-09-16", "2025-10-01", proration("ii_1")),
                        line("il_3", 3000, "2025-09-16", "2025-10-01", proration("ii_2"))},
                       {{"status", "draft"}});
  world.keep(draft);
  CHECK(world.count() == written);
  draft["status"] = "open";
  world.keep(draft);
  CHECK(world.figures(autumn, {"net"}) == Rows{"2025-09 4500", "2025-10 0"});
  CHECK(world.app.value("SELECT count(*) FROM book_entries WHERE undoes IS NOT NULL") == "0");
  CHECK(world.rebuild() == 0);
}

TEST_CASE("receivables, what was invoiced, and how long it takes") {
  World world;
  world.keep(
      paid(invoice("in_1", 3000, "2026-01-10", {line("il_1", 3000, "2026-01-10", "2026-02-10")}),
           "inpay_1", "2026-02-05"));
  world.keep(
      invoice("in_2", 1000, "2026-02-10", {line("il_2", 1000, "2026-02-10", "2026-03-10")},
              {{"status", "uncollectible"},
               {"status_transitions", object{{"finalized_at", at("2026-02-10")},
                                             {"marked_uncollectible_at", at("2026-03-10")}}}}));
  CHECK(world.figures("cash?" + spring, {"gross", "receivables", "invoiced", "days", "dso"}) ==
        Rows{"2026-01 0 3000 3000 31 31", "2026-02 3000 1000 1000 28 28", "2026-03 0 0 0 31 -",
             "2026-04 0 0 0 30 -"});
  world.keep(invoice("in_3", 6000, "2026-02-11", {line("il_3", 6000, "2026-02-11", "2026-03-11")},
                     {{"status", "void"},
                      {"status_transitions", object{{"finalized_at", at("2026-02-11")},
                                                    {"voided_at", at("2026-02-12")}}}}));
  auto const reply = world.report("cash?from=2026-02&to=2026-02");
  CHECK(reply.body.find("\"dso\":4}") != std::string::npos);  // 1000 of 7000 in 28 days
  world.keep(invoice("in_4", 1, "2026-02-11", {line("il_4", 1, "2026-02-11", "2026-03-11")}));
  CHECK(world.report("cash?from=2026-02&to=2026-02").body.find("\"dso\":4.003428}") !=
        std::string::npos);  // 1001 × 28 ÷ 7001
  CHECK(world.figures("cash?from=2026-02&to=2026-02&currency=usd",
                      {"gross", "receivables", "dso"}) == Rows{"2026-02 0 0 -"});
}

TEST_CASE("months and days are those of the zone that is asked for") {
  World world;
  // Half past midnight of 1 April in Madrid, and the shortest day of its year before it.
  world.keep(paid(invoice("in_1", 2300, "2026-03-28T23:00:00Z",
                          {line("il_1", 2300, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")}),
                  "inpay_1", "2026-03-31T22:30:00Z"));
  CHECK(world.figures("cash?from=2026-03&to=2026-04&timezone=UTC", {"gross"}) ==
        Rows{"2026-03 2300", "2026-04 0"});
  CHECK(world.figures("cash?from=2026-03&to=2026-04&timezone=Europe/Madrid", {"gross"}) ==
        Rows{"2026-03 0", "2026-04 2300"});
  auto const days = world.figures(
      "recognised?from=2026-03&to=2026-03&granularity=day&timezone=Europe/Madrid", {"net"});
  CHECK(days.size() == 31);
  CHECK(days.at(28) == "2026-03-29 2300");
  CHECK(world.figures("recognised?from=2026-03&to=2026-03&granularity=day&timezone=UTC", {"net"})
            .at(27) == "2026-03-28 100");
  // A leap day.
  world.keep(invoice("in_2", 2900, "2024-02-01", {line("il_2", 2900, "2024-02-01", "2024-03-01")}));
  CHECK(world.figures("recognised?from=2024-02&to=2024-02&granularity=day&timezone=UTC", {"net"})
            .at(28) == "2024-02-29 100");
}

TEST_CASE("dunning: who entered when, and what came of it") {
  World world;
  auto const failed = [&](std::string const& id, std::string const& when) {
    world.tell("invoice.payment_failed", id, when);
    return invoice(id, 1000, "2026-01-10", {line("il_" + id, 1000, "2026-01-10", "2026-02-10")});
  };
  world.keep(paid(failed("in_1", "2026-01-10"), "inpay_1", "2026-03-10"));
  world.keep(failed("in_2", "2026-01-31T23:30:00Z"));
  auto gone = failed("in_3", "2026-01-12");
  gone["status"] = "void";
  gone["status_transitions"].as_object()["voided_at"] = at("2026-01-20");
  world.keep(gone);
  std::vector<std::string> const names{"entered",          "entered_amount", "recovered",
                                       "recovered_amount", "pending",        "rate_count",
                                       "rate_amount"};
  CHECK(world.figures("dunning?from=2026-01&to=2026-02&timezone=UTC", names) ==
        Rows{"2026-01 3 3000 1 1000 1 0.333333 0.333333", "2026-02 0 0 0 0 0 - -"});
  CHECK(world.figures("dunning?from=2026-01&to=2026-02&timezone=Europe/Madrid", names) ==
        Rows{"2026-01 2 2000 1 1000 0 0.5 0.5", "2026-02 1 1000 0 0 1 0 0"});
  // A charge of the day before was the first attempt.
  world.keep(
      {{"id", "ch_1"}, {"object", "charge"}, {"status", "failed"}, {"created", at("2026-01-11")}},
      "in_2");
  CHECK(world.figures("dunning?from=2026-02&to=2026-02&timezone=Europe/Madrid", {"entered"}) ==
        Rows{"2026-02 0"});
}

TEST_CASE("a rebuild that was cut off goes on where it was, and ends at the same books") {
  World world;
  world.app.run(
      "INSERT INTO customers (company, name, email, country, locale) SELECT 'C', 'N', 'p' || i || "
      "'@example.com', 'ES', 'es' FROM generate_series(2, 120) AS i");
  auto const text = boost::json::serialize(example());
  world.app.run(
      "INSERT INTO stripe_objects (id, kind, customer_id, state, fetched_at) SELECT 'in_' || id, "
      "'invoice', id, jsonb_set('" +
      text + "', '{id}', to_jsonb('in_' || id)), now() FROM customers");
  db::Connection connection{world.app.database.url()};
  struct Killed {};
  CHECK_THROWS_AS(ledger::rebuild(connection, [](ledger::Difference const&) { throw Killed{}; }),
                  Killed);
  CHECK(world.app.value("SELECT count(DISTINCT document) FROM book_entries") == "50");
  CHECK(world.rebuild() == 70 * 6);
  CHECK(world.app.value("SELECT count(DISTINCT document) || ' ' || count(*) FROM book_entries") ==
        "120 720");
  CHECK(world.rebuild() == 0);
  // What the mirror does not have any more is taken back.
  world.app.run("DELETE FROM stripe_objects WHERE id = 'in_7'");
  std::vector<ledger::Difference> found;
  ledger::rebuild(connection,
                  [&](ledger::Difference const& difference) { found.push_back(difference); });
  REQUIRE(found.size() == 6);
  CHECK(found[0].customer_id == 7);
  CHECK(found[0].what.starts_with("in_7 "));
  CHECK(world.rebuild() == 0);
}

TEST_CASE("what cannot be understood is refused, with the field that is meant") {
  World world;
  auto const finance = world.app.as(Role::finance);
  struct Wrong {
    std::string question, pointer, code;
  };
  std::vector<Wrong> const wrong{
      {"from=2026-13", "?from", "not_a_month"},
      {"from=2026-01-01-01", "?from", "too_long"},
      {"to=soon", "?to", "not_a_month"},
      {"from=2026-04&to=2026-03", "?to", "ends_before"},
      {"from=2999-01&to=2999-02", "?from", "after_today"},
      {"from=2020-01&to=2026-01&granularity=day", "?granularity", "too_fine"},
      {"granularity=year", "?granularity", "unknown_value"},
      {"currency=EUR", "?currency", "not_a_currency"},
      {"currency=reporting", "?currency", "no_rates"},
      {"timezone=Mars/Phobos", "?timezone", "not_a_time_zone"},
      {"as_of=2999-01-01T00:00:00Z", "?as_of", "not_past"},
      {"as_of=yesterday", "?as_of", "wrong_type"},
      {"plan=team", "?plan", "unknown_field"}};
  for (auto const* door : {"cash", "dunning", "recognised"}) {
    CAPTURE(door);
    auto const path = "/api/reports/" + std::string{door};
    for (auto const& [question, pointer, code] : wrong) {
      CAPTURE(question);
      auto const reply = finance.get(path + "?" + question);
      CHECK(reply.status == 422);
      CHECK(reply.wrong_fields() == pointer);
      CHECK(reply.problem_of(pointer) == code);
    }
    CHECK(finance.get(path)["periods.11.incomplete"] == "true");
    CHECK(finance.get(path)["periods.10.incomplete"] == "false");
    CHECK(finance.get(path)["periods.12.period"] == "");
    CHECK(finance.get(path + "?from=2001-01&to=2001-01")["periods.0.period"] == "2001-01");
    CHECK(world.app.as(Role::support).get(path).status == 403);
    CHECK(world.app.as(Role::auditor).get(path).status == 200);
    CHECK(world.app.visitor().get(path).status == 401);
  }
}

TEST_CASE("a month is answered without reading what was over before it") {
  World world;
  world.app.run(
      "INSERT INTO ledger_runs (reason, code_version) VALUES ('event', 1); INSERT INTO "
      "book_entries (customer_id, document, part, book, kind, currency, at, amount, service_start, "
      "service_end, run_id, believed_at) SELECT 1, 'in_' || i, 'il_' || i, 'revenue', 'line', "
      "'eur', starts, 100, starts, starts + interval '30 days', 1, now() FROM generate_series(1, "
      "20000) AS i, LATERAL (SELECT timestamptz '2015-01-01Z' + i * interval '5 hours' AS starts) "
      "AS begin");
  world.app.run("ANALYZE book_entries");
  auto const sql = [](std::string_view name) {
    for (auto const* query : db::Query::all())
      if (query->name == name) return query->sql;
    return std::string{};
  };
  CHECK(support::rows_touched_by(world.app.database, sql("reports.obligations"),
                                 "'eur', '2026-05-01Z', '2026-06-01Z', NULL", true) < 600);
  CHECK(support::rows_touched_by(world.app.database, sql("ledger.standing_entries"), "'{in_7}'",
                                 false) < 20);
}

namespace {
/// What really happened at the sandbox is taken over as the mirror does it.
struct Merchant : World {
  std::string stripe_customer;

  Merchant() : World{{.sandbox = true}} {
    stripe_customer = post("/v1/customers", {{"email", "ada@acme.example"}})["id"];
    app.run("UPDATE customers SET stripe_customer_id = '" + stripe_customer + "'");
    card("pm_card_visa");
  }
  Reply post(std::string const& path,
             std::vector<std::pair<std::string, std::string>> const& fields = {}) const {
    http_client::Form form;
    for (auto const& [name, value] : fields) form.add(name, value);
    auto reply = app.stripe("POST", path, form);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return reply;
  }
  void card(std::string const& name) const {
    auto const id =
        post("/v1/payment_methods/" + name + "/attach", {{"customer", stripe_customer}})["id"];
    post("/v1/customers/" + stripe_customer, {{"invoice_settings[default_payment_method]", id}});
  }
  /// A finalised invoice over one item.
  std::string bill(std::string const& amount) const {
    post("/v1/invoiceitems", {{"customer", stripe_customer},
                              {"amount", amount},
                              {"currency", "eur"},
                              {"period[start]", "1790000000"},
                              {"period[end]", "1792592000"}});
    auto const id = post("/v1/invoices", {{"customer", stripe_customer},
                                          {"auto_advance", "false"},
                                          {"pending_invoice_items_behavior", "include"}})["id"];
    post("/v1/invoices/" + id + "/finalize", {{"auto_advance", "false"}});
    return id;
  }
  array all(std::string const& path) const {
    return app.stripe("GET", path).json.at("data").as_array();
  }
  /// Backwards, so that children come first.
  void take_over() {
    app.deliver_news();
    app.work();
    std::vector<std::pair<object, std::string>> papers;
    std::map<std::string, std::string> invoice_of;  // an intent
    for (auto const& entry : all("/v1/invoices?customer=" + stripe_customer + "&limit=100")) {
      auto const id = Reply::text(entry, "id");
      http_client::Form expand;
      expand.add("expand[0]", "payments.data.payment.payment_intent");
      auto const present = app.stripe("GET", "/v1/invoices/" + id, expand).json.as_object();
      for (auto const& paid : present.at("payments").at("data").as_array())
        invoice_of[Reply::text(paid, "payment.payment_intent.id")] = id;
      papers.emplace_back(present, "");
    }
    for (auto const* kind : {"charges", "refunds", "disputes"})
      for (auto const& entry : all("/v1/" + std::string{kind} + "?limit=100"))
        papers.emplace_back(entry.as_object(), invoice_of[Reply::text(entry, "payment_intent")]);
    for (auto const& entry : all("/v1/credit_notes?limit=100"))
      papers.emplace_back(entry.as_object(), Reply::text(entry, "invoice"));
    for (auto const& entry : all("/v1/invoiceitems?limit=100"))
      papers.emplace_back(entry.as_object(), "");
    std::reverse(papers.begin(), papers.end());
    for (auto const& [paper, place] : papers) keep(paper, place);
  }
  std::string sum(std::string const& book, std::string const& kind = "%") const {
    return app.value("SELECT coalesce(sum(amount), 0) FROM book_entries WHERE book = '" + book +
                     "' AND kind LIKE '" + kind + "'");
  }
};
}  // namespace

TEST_CASE("what the sandbox tells of a business makes its books") {
  Merchant shop;
  auto const& app = shop.app;
  // Paid by card; given back in part, once in vain; then disputed and lost in part.
  auto const first = shop.bill("3000");
  shop.post("/v1/invoices/" + first + "/pay");
  auto const charge = app.stripe("GET", "/v1/charges")["data.0.id"];
  shop.post("/v1/refunds", {{"charge", charge}, {"amount", "1000"}});
  auto const vain = shop.post("/v1/refunds", {{"charge", charge}, {"amount", "300"}})["id"];
  shop.post("/v1/test_helpers/refunds/" + vain + "/fail");
  shop.post("/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "500"}});
  auto const lost = app.stripe("GET", "/v1/disputes")["data.0.id"];
  shop.take_over();
  CHECK(shop.sum("cash") == "2000");
  CHECK(shop.sum("revenue") == "2000");
  CHECK(shop.sum("receivable") == "0");
  shop.post("/v1/disputes/" + lost + "/close");
  shop.take_over();
  CHECK(shop.sum("cash") == "1500");
  CHECK(shop.sum("cash", "dispute_lost") == "-500");
  CHECK(shop.sum("revenue") == "1500");

  // Credited before payment, then paid otherwise.
  auto const second = shop.bill("2000");
  shop.post("/v1/credit_notes", {{"invoice", second}, {"amount", "500"}});
  shop.take_over();
  CHECK(shop.sum("receivable") == "1500");
  shop.post("/v1/invoices/" + second + "/pay", {{"paid_out_of_band", "true"}});
  shop.take_over();
  CHECK(shop.sum("receivable") == "0");
  CHECK(shop.sum("cash", "other") == "1500");
  CHECK(shop.sum("revenue") == "3000");

  // A card that fails; one invoice is paid later, one is void, one is written off.
  shop.card("pm_card_chargeCustomerFail");
  std::vector<std::string> bills;
  for (int i = 0; i < 3; ++i) {
    bills.push_back(shop.bill("1000"));
    CHECK(app.stripe("POST", "/v1/invoices/" + bills.back() + "/pay").status == 402);
  }
  shop.take_over();
  CHECK(shop.sum("receivable") == "3000");
  CHECK(shop.sum("dunning", "failed") == "3000");
  shop.card("pm_card_visa");
  shop.post("/v1/invoices/" + bills[0] + "/pay");
  shop.post("/v1/invoices/" + bills[1] + "/void");
  shop.post("/v1/invoices/" + bills[2] + "/mark_uncollectible");
  shop.take_over();
  CHECK(shop.sum("receivable") == "0");
  CHECK(shop.sum("dunning", "recovered") == "1000");
  CHECK(shop.sum("revenue") == "4000");
  CHECK(shop.sum("invoiced") == "8000");
  shop.post("/v1/invoices/" + bills[2] + "/pay");
  shop.take_over();
  CHECK(shop.sum("receivable") == "0");
  CHECK(shop.sum("revenue") == "5000");
  CHECK(shop.sum("dunning", "recovered") == "2000");

  // A paid one is credited, and the money goes back with the note.
  shop.post("/v1/credit_notes",
            {{"invoice", bills[0]}, {"amount", "400"}, {"refund_amount", "400"}});
  shop.take_over();
  CHECK(shop.sum("revenue") == "4600");
  CHECK(shop.sum("revenue", "credit_note") == "-900");
  CHECK(shop.sum("cash", "refund") == "-1700");
  CHECK(shop.rebuild() == 0);
}

TEST_CASE("the sandbox's prorations are earned from their item's date on") {
  Merchant shop;
  auto const product = shop.post("/v1/products", {{"name", "Team"}})["id"];
  auto const price = [&](std::string const& amount) {
    return shop.post("/v1/prices", {{"currency", "eur"},
                                    {"unit_amount", amount},
                                    {"product", product},
                                    {"recurring[interval]", "month"}})["id"];
  };
  auto const subscription = shop.post("/v1/subscriptions", {{"customer", shop.stripe_customer},
                                                            {"items[0][price]", price("3000")}});
  shop.take_over();
  CHECK(shop.sum("revenue") == "3000");
  shop.post("/v1/subscriptions/" + subscription["id"],
            {{"items[0][id]", subscription["items.data.0.id"]},
             {"items[0][price]", price("6000")},
             {"proration_behavior", "create_prorations"}});
  shop.take_over();
  CHECK(shop.app.value("SELECT count(*) FROM book_entries WHERE kind = 'proration'") == "2");
  CHECK(std::stoll(shop.sum("revenue")) > 5900);
  auto const id = shop.post("/v1/invoices", {{"customer", shop.stripe_customer},
                                             {"subscription", subscription["id"]},
                                             {"auto_advance", "false"}})["id"];
  shop.post("/v1/invoices/" + id + "/finalize", {{"auto_advance", "false"}});
  auto const revenue = shop.sum("revenue");
  shop.take_over();
  CHECK(shop.sum("revenue") == revenue);
  CHECK(shop.app.value("SELECT count(*) FROM book_entries WHERE undoes IS NOT NULL") == "0");
  shop.post("/v1/invoices/" + id + "/void");
  shop.take_over();
  CHECK(shop.sum("revenue") == "3000");
  CHECK(shop.rebuild() == 0);
}
