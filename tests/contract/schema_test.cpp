// Every statement of the program fits the migrated schema.
#include <doctest/doctest.h>

#include "app/application.hpp"
#include "identity/guards/security_events.hpp"
#include "support/database.hpp"
#include "tenants/list.hpp"

TEST_CASE("every named query can be prepared") {
  support::Database database;
  db::Connection connection{database.url()};
  // The sample application's and the sandbox's tables are made by themselves.
  connection.execute(
      "CREATE TABLE owner_access (token_hash text PRIMARY KEY, expires_at timestamptz NOT NULL, "
      "used_at timestamptz); CREATE TABLE owner_sessions (session_hash text PRIMARY KEY, "
      "created_at timestamptz); CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, text "
      "text, created_at timestamptz); CREATE TABLE facts (key text PRIMARY KEY, value text)");
  // Links every capability into this program.
  auto* volatile everything = &app::add_everything;
  REQUIRE(everything != nullptr);
  int count = 0;
  for (auto const* query : db::Query::all()) {
    if (query->name.starts_with("sandbox.")) continue;
    CAPTURE(query->name);
    auto* const result =
        PQprepare(connection.raw(), query->name.c_str(), query->sql.c_str(), 0, nullptr);
    CHECK_MESSAGE(PQresultStatus(result) == PGRES_COMMAND_OK,
                  std::string{PQresultErrorMessage(result)});
    PQclear(result);
    ++count;
  }
  CHECK(count > 50);
}

TEST_CASE("names of states in the program are those of the database") {
  support::Database database;
  auto labels = [&](std::string const& type) {
    return support::rows(database, "SELECT unnest(enum_range(NULL::" + type + "))");
  };
  auto same = [](std::vector<std::string> const& found, auto const& names) {
    return std::equal(found.begin(), found.end(), names.begin(), names.end());
  };
  CHECK(same(labels("tenant_state"), tenants::names_of(tenants::State{})));
  CHECK(same(labels("tenant_health_state"), tenants::names_of(tenants::Health{})));
  CHECK(same(labels("hold_reason"), tenants::names_of(tenants::Hold{})));
  CHECK(same(labels("step_state"), tenants::names_of(tenants::StepState{})));
  CHECK(same(labels("payment_state"), signup::names_of(signup::Payment{})));
  CHECK(
      same(labels("security_severity"), identity::guards::names_of(identity::guards::Severity{})));
  CHECK(same(support::rows(database, "SELECT name FROM roles WHERE built_in ORDER BY ctid"),
             identity::names_of(identity::Role{})));
}
