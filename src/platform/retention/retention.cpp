// The registry of rules and the one statement that each of them becomes.
#include "platform/retention/retention.hpp"

#include <algorithm>

namespace retention {

namespace {
// Beyond that there are no times to reckon with.
constexpr Seconds longest = std::chrono::years{100};

template <class T>
std::vector<T const*>& registry() {
  static std::vector<T const*> known;
  return known;
}

std::string name_of(Terms const& terms) {
  return std::string{terms.name.empty() ? terms.table : terms.name};
}

/// The rows are looked for by the column's index and locked one by one: whoever works on one of
/// them is not waited for. The clock is PostgreSQL's: a node whose own runs ahead removes nothing
/// too early.
std::string statement(Terms const& terms) {
  std::string sql = "DELETE FROM ";
  sql.append(terms.table).append(" WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM ");
  sql.append(terms.table).append(" AS t WHERE t.").append(terms.column);
  sql.append(" < now() - $1::bigint * interval '1 second'");
  if (!terms.only.empty()) sql.append(" AND ").append(terms.only);
  for (auto const& key : terms.unless_named_by) {
    auto const dot = key.find('.');
    sql.append(" AND NOT EXISTS (SELECT 1 FROM ").append(key.substr(0, dot));
    sql.append(" AS r WHERE r.").append(key.substr(dot + 1)).append(" = t.id)");
  }
  sql.append(" ORDER BY t.").append(terms.column);
  return sql + " LIMIT $2 FOR UPDATE OF t SKIP LOCKED))";
}

// The room of the database lies below this one.
Kept const migrations{"schema_migrations", "one row a migration"};
}  // namespace

Rule::Rule(Terms given)
    : terms{std::move(given)}, name{name_of(terms)}, remove{"retention." + name, statement(terms)} {
  if (terms.least < Seconds{1} || terms.keep < terms.least)
    throw std::logic_error{"the rule of " + name + " keeps nothing"};
  registry<Rule>().push_back(this);
}

Rule::~Rule() { std::erase(registry<Rule>(), this); }

std::vector<Rule const*> Rule::all() {
  auto rules = registry<Rule>();
  std::sort(rules.begin(), rules.end(),
            [](Rule const* one, Rule const* other) { return one->name < other->name; });
  return rules;
}

Kept::Kept(std::string_view of, std::string_view reason) : table{of}, why{reason} {
  registry<Kept>().push_back(this);
}

Kept::~Kept() { std::erase(registry<Kept>(), this); }

std::vector<Kept const*> Kept::all() { return registry<Kept>(); }

TooShort::TooShort(Rule const& rule, Seconds period)
    : std::runtime_error{rule.name + " cannot be kept for " + std::to_string(period.count()) +
                         " s only: " + std::to_string(rule.terms.least.count()) +
                         " s is the least"} {}

void check(Rule const& rule, Seconds period) {
  if (period < rule.terms.least) throw TooShort{rule, period};
}

std::int64_t remove_some(db::Tx& tx, Rule const& rule, Seconds period, std::int64_t rows) {
  check(rule, period);
  return tx.exec(rule.remove, std::min(period, longest).count(), rows);
}

}  // namespace retention
