// Every table of the schema has an end or a reason to have none, and what is told about it is true.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "app/application.hpp"
#include "platform/retention/retention.hpp"
#include "support/database.hpp"
#include "support/source.hpp"

namespace {
using Words = std::vector<std::string>;

Words tables(support::Database const& database) {
  return support::rows(database,
                       "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT "
                       "relispartition AND relnamespace = 'public'::regnamespace ORDER BY 1");
}

/// Foreign keys that would stop a row from going.
std::set<std::string> keys_to(support::Database const& database, std::string const& table) {
  auto const found = support::rows(
      database,
      "SELECT conrelid::regclass || '.' || attname FROM pg_constraint JOIN pg_attribute ON "
      "attrelid = conrelid AND attnum = ANY (conkey) WHERE contype = 'f' AND confdeltype IN ('a', "
      "'r') AND confrelid = '" +
          table + "'::regclass");
  return {found.begin(), found.end()};
}

bool has_column(support::Database const& database, retention::Rule const& rule) {
  return support::value(database,
                        "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('" +
                            std::string{rule.terms.table} + "') AND attnum > 0 AND attname = '" +
                            std::string{rule.terms.column} + "'") == "1";
}

/// Whether a scan of the table itself asks an index for the column.
bool uses_index(boost::json::value const& plan, retention::Rule const& rule) {
  auto const& step = plan.as_object();
  auto const* name = step.if_contains("Relation Name");
  auto const* alias = step.if_contains("Alias");
  auto const* asked = step.if_contains("Index Cond");
  auto column = std::string{rule.terms.column};
  if (column == "timestamp") column = '"' + column + '"';
  if (name && alias && asked && name->as_string() == rule.terms.table &&
      alias->as_string() == "t" &&
      std::string_view{asked->as_string()}.find(column + " <") != std::string_view::npos)
    return true;
  if (auto const* steps = step.if_contains("Plans"))
    for (auto const& inner : steps->as_array())
      if (uses_index(inner, rule)) return true;
  return false;
}

bool is_found_by_index(support::Database const& database, retention::Rule const& rule) {
  db::Connection connection{database.url()};
  // Of an empty table the whole is read otherwise.
  connection.execute(
      "SET enable_seqscan = off; SET enable_bitmapscan = off; "
      "SET plan_cache_mode = force_generic_plan");
  connection.execute("PREPARE query AS " + rule.remove.sql);
  auto const plan = connection.execute("EXPLAIN (FORMAT JSON) EXECUTE query (3600, 1000)");
  return uses_index(boost::json::parse(PQgetvalue(plan.get(), 0, 0)).at(0).at("Plan"), rule);
}

/// What is wrong with what is declared, in sentences.
Words complaints(support::Database const& database) {
  Words out;
  auto const known = tables(database);
  std::set<std::string> const there{known.begin(), known.end()};
  std::set<std::string> declared, kept, names;
  for (auto const* table : retention::Kept::all()) {
    if (!kept.emplace(table->table).second)
      out.push_back(std::string{table->table} + " is kept twice");
    if (table->why.size() < 5) out.push_back(std::string{table->table} + " has no reason");
  }
  declared = kept;
  for (auto const* rule : retention::Rule::all()) {
    auto const table = std::string{rule->terms.table};
    declared.insert(table);
    if (kept.contains(table)) out.push_back(table + " is kept and has a rule");
    if (!names.insert(rule->name).second) out.push_back(rule->name + " is declared twice");
    if (!there.contains(table)) continue;
    if (!has_column(database, *rule)) {
      out.push_back(table + " has no column " + std::string{rule->terms.column});
      continue;
    }
    std::set<std::string> const named{rule->terms.unless_named_by.begin(),
                                      rule->terms.unless_named_by.end()};
    if (named != keys_to(database, table))
      out.push_back("the rule of " + rule->name + " does not name the foreign keys to it");
    if (!is_found_by_index(database, *rule))
      out.push_back("no index finds what is old in " + rule->name);
  }
  for (auto const& table : known)
    if (!declared.contains(table)) out.push_back(table + " has no end and no reason");
  for (auto const& table : declared)
    if (!there.contains(table)) out.push_back(table + " is no table");
  return out;
}
}  // namespace

TEST_CASE("every table has an end or a reason to have none") {
  support::Database database;
  auto* volatile everything = &app::add_everything;
  REQUIRE(everything != nullptr);
  CHECK(complaints(database) == Words{});

  (void)support::rows(database,
                      "CREATE TABLE strays (id bigint PRIMARY KEY, at timestamptz, seen "
                      "timestamptz); CREATE INDEX strays_by_age ON strays (at)");
  CHECK(complaints(database) == Words{"strays has no end and no reason"});
  using std::chrono::days;
  SUBCASE("a reason is enough") {
    retention::Kept const strays{"strays", "for this test"};
    CHECK(complaints(database) == Words{});
  }
  SUBCASE("so is a rule") {
    retention::Rule const strays{
        {.table = "strays", .column = "at", .keep = days{1}, .why = "for this test"}};
    CHECK(complaints(database) == Words{});
    retention::Kept const again{"strays", "for this test"};
    CHECK(complaints(database) == Words{"strays is kept and has a rule"});
  }
  SUBCASE("a rule for a column that is not there") {
    retention::Rule const strays{
        {.table = "strays", .column = "ended_at", .keep = days{1}, .why = "for this test"}};
    CHECK(complaints(database) == Words{"strays has no column ended_at"});
  }
  SUBCASE("a rule that would read the whole table") {
    retention::Rule const strays{
        {.table = "strays", .column = "seen", .keep = days{1}, .why = "for this test"}};
    CHECK(complaints(database) == Words{"no index finds what is old in strays"});
  }
  SUBCASE("a rule whose index holds other rows") {
    (void)support::rows(database, "CREATE INDEX strays_seen ON strays (seen) WHERE at IS NOT NULL");
    retention::Rule const strays{
        {.table = "strays", .column = "seen", .keep = days{1}, .why = "for this test"}};
    CHECK(complaints(database) == Words{"no index finds what is old in strays"});
  }
  SUBCASE("a rule for rows that others name") {
    (void)support::rows(database, "CREATE TABLE namers (stray_id bigint REFERENCES strays)");
    retention::Kept const namers{"namers", "for this test"};
    {
      retention::Rule const strays{
          {.table = "strays", .column = "at", .keep = days{1}, .why = "for this test"}};
      CHECK(complaints(database) ==
            Words{"the rule of strays does not name the foreign keys to it"});
    }
    retention::Rule const strays{{.table = "strays",
                                  .column = "at",
                                  .keep = days{1},
                                  .unless_named_by = {"namers.stray_id"},
                                  .why = "for this test"}};
    CHECK(complaints(database) == Words{});
  }
  SUBCASE("a rule for a table that is not there") {
    retention::Kept const strays{"strays", "for this test"};
    retention::Kept const gone{"gone_long_ago", "for this test"};
    CHECK(complaints(database) == Words{"gone_long_ago is no table"});
  }
}

TEST_CASE("no rule keeps nothing") {
  using std::chrono::days;
  auto rule = [](retention::Seconds keep, retention::Seconds least) {
    retention::Rule const made{
        {.table = "mails", .column = "created_at", .keep = keep, .least = least, .why = "a test"}};
  };
  CHECK_NOTHROW(rule(days{2}, days{1}));
  CHECK_THROWS_AS(rule(days{1}, days{2}), std::logic_error);
  CHECK_THROWS_AS(rule(days{1}, retention::Seconds{0}), std::logic_error);
  CHECK_THROWS_AS(rule(retention::Seconds{0}, retention::Seconds{0}), std::logic_error);
  for (auto const* declared : retention::Rule::all()) {
    CAPTURE(declared->name);
    CHECK_NOTHROW(retention::check(*declared, declared->terms.keep));
    CHECK_THROWS_AS(retention::check(*declared, retention::Seconds{0}), retention::TooShort);
    CHECK_THROWS_AS(retention::check(*declared, -days{1}), retention::TooShort);
  }
}

// The console shows every rule and what is kept in words of the reader's language.
TEST_CASE("whatever is kept or goes has its words in both languages") {
  auto* volatile everything = &app::add_everything;
  REQUIRE(everything != nullptr);
  std::set<std::string> names;
  for (auto const* rule : retention::Rule::all()) names.insert(rule->name);
  for (auto const* kept : retention::Kept::all()) names.insert(std::string{kept->table});
  for (std::string const language : {"en", "es"}) {
    std::ifstream file{support::source_directory() / "web/locales" /
                       (std::string{language} + ".json")};
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    auto const words = boost::json::parse(text).as_object();
    for (auto const& name : names)
      for (std::string const group : {"retention.", "retention_why."})
        CHECK_MESSAGE(words.contains(group + name), group << name << " is missing in " << language);
    for (auto const& [key, _] : words)
      if (key.starts_with("retention."))
        CHECK_MESSAGE(names.contains(std::string{key.substr(10)}), key << " is kept no more");
  }
}
