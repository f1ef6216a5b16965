// Every list that is declared, at every order and filter: its statements fit the schema, begin with
// an index, show what their rows say, and speak of enumerations as the database does.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>

#include "app/application.hpp"
#include "platform/list/batch.hpp"
#include "platform/list/rows.hpp"
#include "platform/list/statements.hpp"
#include "platform/list/words.hpp"
#include "support/database.hpp"

namespace {
struct Declarations {
  process::Supervisor supervisor;
  config::Settings settings;
  app::Application application{settings, std::string(32, '0'), supervisor, nullptr};
};

/// A value that the filter takes, as PostgreSQL reads it; of enumerations the one at `index`.
std::string some_value(list::Filter const& filter, std::size_t index) {
  switch (auto const& type = filter.of_one(); type.form) {
    case types::Form::enumeration:
      return std::string{type.labels[index % type.labels.size()]};
    case types::Form::time:
      return "2026-01-02T03:04:05Z";
    case types::Form::boolean:
      return "true";
    case types::Form::id:
    case types::Form::integer:
      return "1";
    default:
      return index == 0 && !filter.when_prefix.empty() ? "some." : "some";
  }
}

/// Nothing asked for but what the path says.
list::Selection plain(list::List const& list) {
  list::Selection out;
  out.values.resize(list.filters.size());
  for (std::size_t i = 0; i < list.filters.size(); ++i)
    if (list.filters[i].in_path) out.values[i] = {"1"};
  return out;
}

/// Calls `each` for every order, alone and with every filter: one value, and several.
void each_selection(list::List const& list,
                    std::function<void(list::Selection const&)> const& each) {
  for (std::size_t sort = 0; sort < list.sorts.size(); ++sort)
    for (bool const descending : {false, true}) {
      auto selection = plain(list);
      selection.sort = sort;
      selection.descending = descending;
      each(selection);
      for (std::size_t i = 0; i < list.filters.size(); ++i) {
        if (list.filters[i].in_path) continue;
        auto filtered = selection;
        filtered.values[i] = {some_value(list.filters[i], 0)};
        each(filtered);
        if (!list.filters[i].takes_many()) continue;
        filtered.values[i] = {some_value(list.filters[i], 0), some_value(list.filters[i], 1)};
        each(filtered);
      }
    }
}

/// The description of a prepared statement: its columns, with no rows.
db::Result prepared(db::Connection& connection, db::Statement const& statement) {
  CAPTURE(statement.sql);
  auto* const result = PQprepare(connection.raw(), "", statement.sql.c_str(), 0, nullptr);
  REQUIRE_MESSAGE(PQresultStatus(result) == PGRES_COMMAND_OK,
                  std::string{PQresultErrorMessage(result)});
  PQclear(result);
  return db::Result{PQdescribePrepared(connection.raw(), "")};
}

/// Whether a node of this kind is the plan or below it.
bool has(boost::json::object const& plan, std::string_view key, std::string_view value) {
  if (auto const* found = plan.if_contains(key); found && found->as_string() == value) return true;
  if (auto const* plans = plan.if_contains("Plans"))
    for (auto const& below : plans->as_array())
      if (has(below.as_object(), key, value)) return true;
  return false;
}

/// Whether the plan sorts all rows of the table and not only those of a page. To put rows of one
/// value in order of their keys is no such thing.
bool sorts_all_of(std::string_view table, boost::json::object const& plan) {
  if (plan.at("Node Type").as_string() == "Sort" && has(plan, "Relation Name", table) &&
      !has(plan, "Node Type", "Limit"))
    return true;
  if (auto const* plans = plan.if_contains("Plans"))
    for (auto const& below : plans->as_array())
      if (sorts_all_of(table, below.as_object())) return true;
  return false;
}
}  // namespace

TEST_CASE("every list can be prepared at every order, filter and search, and shows its rows") {
  support::Database database;
  db::Connection connection{database.url()};
  Declarations program;
  auto const lists = list::all();
  CHECK(lists.size() >= 10);
  for (auto const* one : lists) {
    CAPTURE(one->name);
    CHECK(one->name.size() <= 40);  // the names of its statements fit PostgreSQL's 63 bytes
    int variants = 0;
    each_selection(*one, [&](list::Selection const& selection) {
      std::vector<std::optional<list::Found>> found{{}};
      if (!one->search.empty()) {
        found.push_back(list::Found{});
        found.push_back(list::Found{{{1, 2}}});
      }
      for (auto const& hits : found) {
        auto asked = selection;
        if (hits) asked.q = "ac%me_";
        std::vector<std::optional<list::Place>> places{{}, list::Place{"1", 1}};
        if (one->sorts[selection.sort].nullable) places.push_back(list::Place{{}, 1});
        for (auto const& place : places) {
          auto const result =
              prepared(connection, list::page_statement(*one, asked, hits, place).statement);
          CHECK_NOTHROW((db::Columns{result.get(), *one->row, one->name}));
          ++variants;
        }
        prepared(connection, list::count_statement(*one, asked, hits).statement);
        for (std::size_t i = 0; i < one->filters.size(); ++i)
          if (one->filters[i].of_one().form == types::Form::enumeration)
            prepared(connection, list::facet_statement(*one, asked, hits, i).statement);
      }
      prepared(connection, list::whole_statement(*one, selection).statement);
    });
    CHECK(variants >= 4);
  }
}

TEST_CASE("what is asked of the rows of a batch can be prepared, for every action of every list") {
  support::Database database;
  db::Connection connection{database.url()};
  Declarations program;
  int actions = 0;
  for (auto const* one : list::all()) {
    if (!one->batch) continue;
    CAPTURE(one->name);
    auto const columns = one->key + " AS row_id, " + std::string{one->batch->label} + " AS label, ";
    for (auto const& action : one->batch->actions) {
      CAPTURE(action.name);
      each_selection(*one, [&](list::Selection const& selection) {
        auto const rows =
            list::chosen_statement(*one, {selection, {{1}}, {2}},
                                   columns + list::hindrance_sql(action) + " AS why", {"{}"}, 10);
        prepared(connection, rows.statement);
      });
      if (!action.done.empty()) prepared(connection, {"", list::follow_sql(action)});
      ++actions;
    }
  }
  CHECK(actions >= 8);
}

TEST_CASE("every order of every list is that of an index: no page sorts the whole") {
  support::Database database;
  db::Connection connection{database.url()};
  connection.execute(
      "SET enable_sort = off; "
      "SET enable_seqscan = off; SET enable_bitmapscan = off");
  Declarations program;
  for (auto const* one : list::all()) {
    CAPTURE(one->name);
    for (std::size_t sort = 0; sort < one->sorts.size(); ++sort) {
      CAPTURE(one->sorts[sort].name);
      auto selection = plain(*one);
      selection.sort = sort;
      auto ready = list::page_statement(*one, selection, {}, {});
      auto sql = ready.statement.sql;
      for (std::size_t i = ready.values.size(); i > 0; --i) {
        auto const name = "$" + std::to_string(i);
        for (auto at = sql.find(name); at != std::string::npos; at = sql.find(name))
          sql.replace(at, name.size(), "'" + ready.values[i - 1].value_or("") + "'");
      }
      auto const result = connection.execute("EXPLAIN (FORMAT JSON) " + sql);
      auto const plan = boost::json::parse(PQgetvalue(result.get(), 0, 0));
      CAPTURE(boost::json::serialize(plan));
      auto const table = one->source.substr(0, one->source.find(' '));
      CHECK(!sorts_all_of(table, plan.at(0).at("Plan").as_object()));
    }
  }
}

namespace {
/// A business in which of every filter's values the rows have one, whatever it is.
void add_four_thousand(db::Connection& connection) {
  connection.execute(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    SELECT 'Company ' || i, 'Ada', 'person' || i || '@example.com', 'ES', 'en' FROM generate_series(1, 4000) AS i;
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, created_at, live_at)
    SELECT id, 'tenant-' || id, 'team', 'live', 'healthy', 5, 5120, 512, 50, 'demo', 'sample',
           now() - interval '30 days' + id * interval '1 minute', now() FROM customers;
    INSERT INTO activity (tenant_id, customer_id, kind, actor_kind, actor, subject, at)
    SELECT id, id, 'state_changed', 'system', 'billing', subdomain, created_at FROM tenants ORDER BY id;
    INSERT INTO mails (template, locale, recipient, subject, body, state, created_at, sent_at)
    SELECT 'any', 'en', email, 'Hello', '', 'sent', now(), now() FROM customers;
    INSERT INTO security_events (kind, severity) SELECT 'new_address', 'info' FROM customers;
    SELECT count(audit_append(NULL, 'owner@example.com', 'owner', NULL, 'tenant.changed', 'ten_' || id,
                              NULL, '192.0.2.1', 'test', NULL, NULL)) FROM customers;
    INSERT INTO billing_invoices (customer_id, number, stripe_invoice_id, amount, currency, status, date, paid_at)
    SELECT id, 'NUM-' || id, 'in_' || id, 4900, 'eur', 'paid', now() - interval '30 days' + id * interval '1 minute',
           now() - interval '30 days' + id * interval '1 minute' FROM customers;
    INSERT INTO jobs (kind, payload, state, finished_at) SELECT 'mail.send', '{}', 'done', now() FROM customers
  )sql");
  (void)connection.execute("VACUUM ANALYZE");
}

std::int64_t touched(support::Database const& database, list::Ready const& ready) {
  std::string arguments;
  for (auto const& value : ready.values)
    arguments += (arguments.empty() ? "'" : ", '") + *value + "'";
  CAPTURE(ready.statement.sql);
  CAPTURE(arguments);
  return support::rows_touched_by(database, ready.statement.sql, arguments,
                                  ready.statement.name.empty());
}

bool is_long(support::Database const& database, list::List const& list) {
  auto const table = list.source.substr(0, list.source.find(' '));
  return support::value(database, "SELECT count(*) >= 4000 FROM " + table) == "t";
}
}  // namespace

TEST_CASE("a page touches as many rows as it shows, also where a filter finds few or none") {
  support::Database database;
  db::Connection connection{database.url()};
  add_four_thousand(connection);
  Declarations program;
  int variants = 0;
  for (auto const* one : list::all()) {
    if (!is_long(database, *one)) continue;
    CAPTURE(one->name);
    each_selection(*one, [&](list::Selection const& selection) {
      // A page of 51 rows and what is looked up for each.
      CHECK(touched(database, list::page_statement(*one, selection, {}, {})) < 400);
      ++variants;
    });
  }
  CHECK(variants > 60);
}

TEST_CASE("a search of a long list reads what it finds, at most a thousand, and never all rows") {
  support::Database database;
  db::Connection connection{database.url()};
  add_four_thousand(connection);
  Declarations program;
  int searches = 0;
  for (auto const* one : list::all()) {
    if (one->search.empty() || !is_long(database, *one)) continue;
    CAPTURE(one->name);
    auto selection = plain(*one);
    for (auto const* text : {"nobody there", "zq", "\xc3\xb1", "q"}) {  // found nowhere
      CAPTURE(text);
      selection.q = text;
      CHECK(touched(database, list::search_statement(*one, selection)) < 50);
      ++searches;
    }
    for (auto const* text : {"e", "exa", "192.0.2.1"}) {  // everywhere, in one list or another
      CAPTURE(text);
      selection.q = text;
      CHECK(touched(database, list::search_statement(*one, selection)) <=
            2 * (list::most_found + 1));
    }
  }
  CHECK(searches >= 16);
}

TEST_CASE("enumerations of lists are those of the database") {
  support::Database database;
  db::Connection connection{database.url()};
  Declarations program;
  auto labels_of = [&](Oid type) {
    return support::rows(database, "SELECT enumlabel FROM pg_enum WHERE enumtypid = " +
                                       std::to_string(type) + " ORDER BY enumsortorder");
  };
  for (auto const* one : list::all()) {
    CAPTURE(one->name);
    auto const result =
        prepared(connection, list::page_statement(*one, plain(*one), {}, {}).statement);
    for (auto const& member : one->row->members()) {
      if (member.type->when_set().form != types::Form::enumeration) continue;
      CAPTURE(member.name);
      auto const column = PQfnumber(result.get(), std::string{member.name}.c_str());
      auto const known = labels_of(PQftype(result.get(), column));
      if (known.empty()) continue;  // a text that a CHECK bounds
      auto const labels = member.type->when_set().labels;
      CHECK(std::equal(known.begin(), known.end(), labels.begin(), labels.end()));
    }
  }
}

TEST_CASE("every list has words in both languages: its name, heads, filters and codes") {
  Declarations program;
  std::set<std::string_view> names;
  for (auto const* one : list::all()) {
    CAPTURE(one->name);
    CHECK(names.insert(one->name).second);  // the key of its words, and what an export is asked by
    auto const has = [&](std::string const& key) {
      CAPTURE(key);
      for (auto const locale : {i18n::Locale::en, i18n::Locale::es})
        CHECK(!i18n::word(locale, key).value_or("").empty());
    };
    auto const has_codes = [&](std::string_view column, types::Type const& type) {
      auto const& set = type.when_set();
      auto const& of_one = set.form == types::Form::list ? set.inner->when_set() : set;
      if (of_one.form != types::Form::enumeration) return;
      for (auto const label : of_one.labels)
        has(std::string{list::declared_group(*one, column).value_or(column)} + "." +
            std::string{label});
    };
    has("list." + std::string{one->name});
    auto const heads = list::headings(*one->row);
    for (auto const& head : heads) has("column." + std::string{one->name} + "." + head);
    for (auto const& member : one->row->members()) has_codes(member.name, *member.type);
    for (auto const& filter : one->filters) {
      if (std::find(heads.begin(), heads.end(), filter.name) == heads.end())
        has("filter." + std::string{filter.name});
      has_codes(filter.name, *filter.type);
    }
  }
  for (auto const* codes : list::Codes::all()) {
    CAPTURE(codes->list);
    CHECK(names.contains(codes->list));
    for (auto const& column : codes->columns) {
      CAPTURE(column.group);
      auto const all = i18n::words();
      CHECK(std::any_of(all.begin(), all.end(), [&](i18n::Word const& word) {
        return word.key.starts_with(std::string{column.group} + ".");
      }));
    }
  }
}

TEST_CASE("what the server says is a sentence in a file, also the codes within it") {
  Declarations program;
  auto const said = [](i18n::Locale locale, std::string const& code,
                       std::string const& parameters) {
    return list::Words{*list::all().front(), locale}.message({code, {parameters}, "in English"});
  };
  using enum i18n::Locale;
  CHECK(said(es, "failed", R"({"failure":"disk_full"})") == "El disco está lleno.");
  CHECK(said(en, "failed", R"({"failure":"of_another_version"})") ==
        "It did not end as it should.");
  CHECK(said(es, "refund_failed",
             R"({"amount":500,"currency":"eur","refund":"re_1","refusal":"declined"})")
            .ends_with("re_1. El banco lo rechazó."));
  CHECK(said(en, "refund_failed",
             R"({"amount":500,"currency":"eur","refund":"re_1","refusal":"of_another_version"})")
            .ends_with("re_1. Unknown."));
  CHECK(said(es, "held_otherwise", R"({"holds":"quota, admin"})") ==
        "Se liberó su retención, pero sigue suspendido por otra: Retención: cuota, Retención: "
        "equipo.");
  CHECK(said(en, "of_another_version", "{}") == "in English");
}
