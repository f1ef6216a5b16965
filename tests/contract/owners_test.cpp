// Each table belongs to one room of src, and only that room writes into it: others call its verbs.
// Reading is free.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "app/application.hpp"
#include "platform/retention/retention.hpp"
#include "support/database.hpp"
#include "support/source.hpp"

namespace {

struct Room {
  std::string_view name;
  std::vector<std::string_view> tables;
};
std::vector<Room> const rooms{
    {"db", {"schema_migrations"}},
    {"readiness", {"readiness"}},
    {"vault", {"data_keys", "kept_secrets"}},
    {"installation", {"installation", "installation_places", "installation_predecessors"}},
    {"jobs", {"jobs", "job_schedules"}},
    {"mail", {"mails", "mail_keys", "mail_server", "mail_suppressions", "mail_texts"}},
    {"http", {"idempotency_keys", "rate_buckets"}},
    {"list", {"exports", "export_parts", "list_batches", "list_batch_rows"}},
    {"settings", {"settings_groups"}},
    {"logs", {"system_logs"}},
    {"audit", {"audit_logs", "audit_anchors", "audit_verifications"}},
    {"identity",
     {"staff", "roles", "invitations", "sessions", "refresh_tokens", "signing_keys", "challenges",
      "totp_factors", "passkeys", "recovery_codes", "factor_failures", "known_devices", "api_keys",
      "api_key_networks", "login_attempts", "login_throttle", "security_events"}},
    {"views", {"saved_views", "view_marks"}},
    {"security", {"security_settings", "incident_switches", "blocked_addresses"}},
    {"analytics", {"rollup_deltas", "rollups", "rollup_months", "rollup_totals"}},
    {"activity", {"activity"}},
    {"customers", {"customers"}},
    {"tenants",
     {"plans", "plan_prices", "tenants", "tenant_aliases", "tenant_holds", "tenant_operations",
      "provisioning_steps", "one_time_access"}},
    {"domains", {"tenant_domains"}},
    {"mirror", {"stripe_objects", "mirror_walks", "mirror_differences"}},
    {"ledger",
     {"ledger_runs", "subscription_snapshots", "discount_terms", "mrr_steps", "mrr_movements",
      "mrr_rollup_deltas", "mrr_rollup_days", "mrr_rollup_months", "book_entries"}},
    {"dunning", {"dunning_cases", "dunning_steps", "dunning_exceptions"}},
    {"billing",
     {"stripe_events",
      "stripe_sweeps",
      "subscriptions",
      "billing_invoices",
      "payment_methods",
      "billing_profiles",
      "billing_endings",
      "billing_findings",
      "billing_refunds",
      "tenant_renewals",
      "subscription_items",
      "stripe_prices",
      "billing_invoice_lines",
      "billing_attempts",
      "billing_credit_notes",
      "billing_disputes",
      "billing_balance_transactions",
      "billing_invoice_mails",
      "billing_retries",
      "billing_refund_orders",
      "billing_plan_orders",
      "billing_tax_ids",
      "billing_method_orders",
      "billing_dispute_orders",
      "billing_credit_orders"}},
    {"reports", {"exchange_rates"}},
    {"provisioning",
     {"tenant_resources", "tenant_health", "tenant_uptime", "tenant_pool", "world_findings",
      "route_changes"}},
    {"backups", {"tenant_backups"}},
    {"portal", {"portal_links", "portal_sessions", "portal_card_pages", "portal_stay_offers"}},
    {"signup", {"signups", "signup_pages", "signup_returns", "waitlist"}},
    {"invariants", {"invariant_results"}},
};

/// What may stay, and why.
struct Exception {
  std::string_view query, why;
};
constexpr std::array exceptions{
    Exception{"retention.",
              "What a rule removes: it is declared beside the verbs of its table, see below."},
    Exception{"identity.replace_sealed",
              "The same value under a newer key, for every column that is sealed: one that some "
              "room forgot would be lost with its old key, so one list has them all."},
};

std::map<std::string, std::string_view, std::less<>> owners() {
  std::map<std::string, std::string_view, std::less<>> out;
  for (auto const& room : rooms)
    for (auto const table : room.tables) out.emplace(table, room.name);
  return out;
}

/// The tables that a text writes into. `assembled` stands for one whose name is put together.
constexpr auto assembled = "";
std::vector<std::string> written_by(std::string text) {
  constexpr std::array<std::string_view, 6> verbs{"INSERT INTO ", "UPDATE ", "DELETE FROM ",
                                                  "TRUNCATE ",    "COPY ",   "MERGE INTO "};
  for (auto& c : text)
    if (std::isspace(static_cast<unsigned char>(c))) c = ' ';
  text.erase(std::unique(text.begin(), text.end(),
                         [](char one, char other) { return one == ' ' && other == ' '; }),
             text.end());
  // Literals that stand beside each other are one.
  for (std::size_t at; (at = text.find("\" \"")) != std::string::npos;) text.erase(at, 3);
  std::vector<std::string> tables;
  for (auto const verb : verbs)
    for (auto at = text.find(verb); at != std::string::npos; at = text.find(verb, at + 1)) {
      auto from = at + verb.size();
      for (std::string_view const word : {"TABLE ", "ONLY ", "public."})
        if (text.compare(from, word.size(), word) == 0) from += word.size();
      if (text[from] == '"') tables.emplace_back(assembled);
      auto const end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789", from);
      if (end != from) tables.push_back(text.substr(from, end - from));
    }
  return tables;
}

/// "provisioning" for provisioning/incus/driver.cpp, "jobs" for platform/jobs/engine.cpp.
std::string room_of(std::filesystem::path const& file) {
  auto part = file.begin();
  if (*part == "platform") ++part;
  return part->string();
}

template <class See>
void each_source(See&& see) {
  auto const source = support::source_directory() / "src";
  for (auto const& entry : std::filesystem::recursive_directory_iterator{source}) {
    auto const extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    auto const file = std::filesystem::relative(entry.path(), source);
    std::ostringstream text;
    text << std::ifstream{entry.path()}.rdbuf();
    see(file, text.str());
  }
}

}  // namespace

TEST_CASE("every table of the schema belongs to one room") {
  support::Database database;
  auto const owner = owners();
  auto const tables = support::rows(
      database,
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN "
      "('r', 'p') AND NOT relispartition ORDER BY 1");
  for (auto const& table : tables) CHECK_MESSAGE(owner.contains(table), table << " has no owner");
  for (auto const& [table, room] : owner)
    CHECK_MESSAGE(std::ranges::count(tables, table) == 1, table << " is not there");
  std::size_t listed = 0;
  for (auto const& room : rooms) listed += room.tables.size();
  CHECK(listed == owner.size());
}

TEST_CASE("no source writes into the tables of another room") {
  auto const owner = owners();
  int count = 0;
  each_source([&](std::filesystem::path const& file, std::string const& text) {
    for (auto const& table : written_by(text)) {
      CHECK_MESSAGE((table != assembled || room_of(file) == "retention"),
                    file << " writes into a table that it does not name");
      auto const known = owner.find(table);
      if (known == owner.end()) continue;
      CHECK_MESSAGE(known->second == room_of(file),
                    file << " writes into " << table << ", which belongs to " << known->second);
      ++count;
    }
  });
  CHECK(count > 200);
}

// What was put together at run time, too. The room is the first word of the name.
TEST_CASE("no query writes into the tables of another room") {
  auto* volatile everything = &app::add_everything;  // links every capability into this program
  REQUIRE(everything != nullptr);
  auto const owner = owners();
  for (auto const& exception : exceptions)
    CHECK_MESSAGE(std::ranges::any_of(db::Query::all(),
                                      [&](db::Query const* query) {
                                        return query->name.starts_with(exception.query);
                                      }),
                  exception.query << " is no longer there");
  for (auto const* query : db::Query::all()) {
    if (std::ranges::any_of(exceptions, [&](Exception const& exception) {
          return query->name.starts_with(exception.query);
        }))
      continue;
    for (auto const& table : written_by(query->sql))
      if (auto const known = owner.find(table); known != owner.end())
        CHECK_MESSAGE(
            known->second == query->name.substr(0, query->name.find('.')),
            query->name << " writes into " << table << ", which belongs to " << known->second);
  }
}

TEST_CASE("a rule by which rows go stands in the room of their table") {
  auto* volatile everything = &app::add_everything;
  REQUIRE(everything != nullptr);
  auto const owner = owners();
  std::set<std::string, std::less<>> declared;
  each_source([&](std::filesystem::path const& file, std::string const& text) {
    constexpr std::string_view begin{".table = \""};
    for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
      auto const from = at + begin.size();
      auto const table = text.substr(from, text.find('"', from) - from);
      auto const known = owner.find(table);
      CHECK_MESSAGE((known != owner.end() && known->second == room_of(file)),
                    file << " has a rule for " << table);
      declared.insert(table);
    }
  });
  for (auto const* rule : retention::Rule::all())
    CHECK_MESSAGE(declared.contains(rule->terms.table), rule->name << " is declared nowhere");
}

TEST_CASE("a query is named after the room in which it stands") {
  each_source([&](std::filesystem::path const& file, std::string const& text) {
    for (auto at = text.find("Query"); at != std::string::npos; at = text.find("Query", at + 1)) {
      auto const name = text.find_first_of("\";(){\n", at);
      auto const open = text.find_first_not_of(" \n", name == std::string::npos ? name : name + 1);
      if (open == std::string::npos || text[name] != '{' || text[open] != '"') continue;
      auto const end = text.find('"', open + 1);
      auto const full = text.substr(open + 1, end - open - 1);
      if (full.find('.') == std::string::npos) continue;  // BEGIN and its like
      CHECK_MESSAGE(full.starts_with(room_of(file) + "."), file << " has the query " << full);
    }
  });
}
