// Makes the demo business: a fixed generator decides who signs up when, changes plan, fails to pay
// and leaves; the roll-ups are then computed from those rows like any others.
#include "app/commands/demo.hpp"

#include "activity/activity.hpp"
#include "platform/clock/clock.hpp"

namespace app::commands {

namespace {

using namespace std::chrono;

constexpr int customer_count = 500, month_count = 24;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
class Chance {
 public:
  std::uint64_t next() {
    auto z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  int below(int limit) { return int(next() % std::uint64_t(limit)); }
  bool percent(int chance) { return below(100) < chance; }

 private:
  std::uint64_t state_ = 20'261'123;
};

struct Plan {
  char const* id;
  int users, storage, memory, cpu;
  std::int64_t eur, usd;
};
constexpr Plan plans[]{{"starter", 5, 5120, 512, 50, 1900, 2100},
                       {"team", 25, 25600, 1024, 100, 4900, 5400},
                       {"business", 100, 102400, 2048, 200, 14900, 16400}};

constexpr char const* words[]{"Alba",  "Norte",  "Delta",  "Iber",  "Luna",  "Mar",   "Nova",
                              "Orbe",  "Prado",  "Roble",  "Sol",   "Terra", "Vega",  "Faro",
                              "Brisa", "Cedar",  "Harbor", "Maple", "North", "Stone", "River",
                              "Field", "Summit", "Bright", "Oak"};
constexpr char const* trades[]{"Logistics",  "Foods",   "Studio", "Clinic", "Energy",
                               "Textil",     "Hoteles", "Farma",  "Motor",  "Libros",
                               "Consulting", "Gardens", "Tools",  "Media",  "Travel"};
constexpr char const* first_names[]{"Lucía", "Mateo", "Sofía", "Hugo",   "Carmen", "Pablo",
                                    "Elena", "Diego", "Emma",  "Oliver", "Grace",  "Noah",
                                    "Chloe", "Liam",  "Ruth",  "Adam"};
constexpr char const* last_names[]{"García", "Fernández", "López", "Martín", "Ruiz",  "Vidal",
                                   "Santos", "Moreno",    "Smith", "Jones",  "Brown", "Clark",
                                   "Young",  "Hall",      "Green", "Baker"};
constexpr char const* countries[]{"ES", "ES", "ES", "MX", "AR", "CO", "GB", "IE", "US", "DE"};

struct Tables {
  std::string customers, tenants, signups, subscriptions, movements, invoices, methods;
  std::vector<std::pair<Time, std::string>> activity;

  template <class... Values>
  void add_activity(Time at, Values const&... values) {
    db::copy_line(activity.emplace_back(at, "").second, values..., at);
  }
  /// As they happened, since the newest have the highest ids.
  std::string activity_in_order() {
    std::stable_sort(activity.begin(), activity.end(),
                     [](auto const& one, auto const& other) { return one.first < other.first; });
    std::string out;
    for (auto const& [_, line] : activity) out += line;
    return out;
  }
};

std::int64_t next_id(db::Tx& tx, db::Query const& query) { return tx.one<std::int64_t>(query) + 1; }

db::Query const last_customer{"demo.last_customer", "SELECT coalesce(max(id), 0) FROM customers"};
db::Query const last_tenant{"demo.last_tenant", "SELECT coalesce(max(id), 0) FROM tenants"};
db::Query const last_subscription{"demo.last_subscription",
                                  "SELECT coalesce(max(id), 0) FROM subscriptions"};
db::Query const any_demo{"demo.any", "SELECT EXISTS (SELECT 1 FROM customers WHERE is_demo)"};

/// A moment in the month that lies `ago` months before the present one.
Time moment(Time now, int ago, Chance& chance) {
  year_month_day const today{floor<days>(now)};
  auto const month = year_month{today.year(), today.month()} - months{ago};
  auto const limit = ago == 0 ? unsigned(today.day()) : 28u;
  auto const day = 1u + unsigned(chance.below(int(limit)));
  auto const time = Time{sys_days{month / std::chrono::day{day}}} + minutes{chance.below(24 * 60)};
  return std::min(time, now - minutes{5});
}

void add_customer(Tables& out, Chance& chance, Time now, int number, std::int64_t customer,
                  std::int64_t tenant, std::int64_t subscription) {
  using Text = std::optional<std::string>;
  using When = std::optional<Time>;
  // Growth: more sign-ups in later months.
  int ago = month_count - 1;
  for (int tries = chance.below(3) + 1; tries > 0; --tries)
    ago = std::min(ago, chance.below(month_count));
  auto const born = moment(now, ago, chance);
  std::string const word = words[chance.below(std::size(words))];
  std::string const trade = trades[chance.below(std::size(trades))];
  auto const company = word + " " + trade;
  std::string host = word + "-" + trade + "-" + std::to_string(number);
  for (auto& c : host) c = char(std::tolower(static_cast<unsigned char>(c)));
  auto const person = std::string{first_names[chance.below(std::size(first_names))]} + " " +
                      last_names[chance.below(std::size(last_names))];
  std::string const country = countries[chance.below(std::size(countries))];
  bool const spanish = country == "ES" || country == "MX" || country == "AR" || country == "CO";
  bool const dollars = country == "US" || country == "MX" || country == "CO";
  std::string const currency = dollars ? "usd" : "eur";
  bool const yearly = chance.percent(25);
  int plan = chance.percent(50) ? 0 : chance.percent(70) ? 1 : 2;

  auto mrr_of = [&](int index) {
    auto const month = dollars ? plans[index].usd : plans[index].eur;
    return yearly ? (month * 10 * 2 + 12) / 24 : month;  // a year costs ten months; half up
  };
  auto price_of = [&](int index) {
    auto const month = dollars ? plans[index].usd : plans[index].eur;
    return yearly ? month * 10 : month;
  };

  db::copy_line(out.customers, customer, company, person, host + "@example.com", country,
                spanish ? "es" : "en", Text{}, true, born);
  auto move = [&](std::string_view kind, std::int64_t amount, Time at) {
    if (amount)
      db::copy_line(out.movements, customer, subscription, Text{}, kind, currency, amount, at);
  };
  auto const first_price = price_of(plan);
  move("new", mrr_of(plan), born);

  Time ended{};
  bool failing = false;
  for (int month = ago; month >= 0 && ended == Time{}; --month) {
    bool const billed = yearly ? (ago - month) % 12 == 0 : true;
    auto const due = month == ago ? born : moment(now, month, chance);
    bool const fails = billed && month == 0 && month != ago && chance.percent(3);
    if (billed) {
      auto const amount = price_of(plan);
      auto const id = std::to_string(customer) + "-" + std::to_string(ago - month + 1);
      db::copy_line(out.invoices, customer, subscription, Text{}, "DEMO-" + id, amount,
                    fails ? std::int64_t{0} : amount, currency, fails ? "open" : "paid",
                    fails ? 2 : 1, fails ? When{now + hours{48}} : When{}, due,
                    fails ? When{} : When{due}, fails ? std::int64_t{0} : amount,
                    fails ? amount : std::int64_t{0});
      failing |= fails;
    }
    if (month == ago) continue;
    if (chance.percent(2)) {
      ended = due;
      move("churn", -mrr_of(plan), due);
    } else if (plan < 2 && chance.percent(3)) {
      move("expansion", mrr_of(plan + 1) - mrr_of(plan), due);
      ++plan;
    } else if (plan > 0 && chance.percent(1)) {
      move("contraction", mrr_of(plan - 1) - mrr_of(plan), due);
      --plan;
    }
  }
  bool const left = ended != Time{};
  auto const& last = plans[plan];
  auto const state = left ? "purged" : "live";
  auto const live_at = born + milliseconds{1200 + chance.below(1800)};
  db::copy_line(out.tenants, tenant, customer, host, last.id, state, left ? ended : live_at,
                "unknown", last.users, last.storage, last.memory, last.cpu, "demo", "sample", born,
                born, live_at);
  auto moved = [&](Time at, char const* from, char const* to, char const* actor) {
    activity::StateChanged const fact{from, to};
    out.add_activity(at, customer, tenant, fact.kind, "system", actor, host,
                     RawJson{json::text(fact)});
  };
  moved(live_at, "provisioning", "live", "provisioning");
  if (left) moved(ended, "purging", "purged", "billing");
  db::copy_line(out.subscriptions, subscription, customer, tenant,
                left      ? "canceled"
                : failing ? "past_due"
                          : "active",
                currency, left ? std::int64_t{0} : mrr_of(plan), born, left ? When{ended} : When{});
  db::copy_line(out.signups, tenant, customer, plans[0].id, yearly ? "year" : "month", currency,
                first_price, "paid", born + minutes{30}, born, born);
  db::copy_line(out.methods, customer, "pm_demo_" + std::to_string(customer), "card", true,
                chance.percent(60) ? "visa" : "mastercard",
                std::to_string(1000 + chance.below(9000)));
}

/// What the rows of the demo count for, with the given sign.
void count(db::Tx& tx, int sign) {
  db::Query const deltas{"demo.count", R"sql(
    WITH demo AS (SELECT id, created_at FROM customers WHERE is_demo)
    INSERT INTO rollup_deltas (metric, currency, day, amount)
    SELECT metric, currency, (at AT TIME ZONE 'UTC')::date, $1 * sum(amount) FROM (
      SELECT 'mrr' AS metric, currency, occurred_at AS at, amount
        FROM mrr_movements WHERE customer_id IN (SELECT id FROM demo)
      UNION ALL
      SELECT 'mrr_' || kind, currency, occurred_at, amount
        FROM mrr_movements WHERE customer_id IN (SELECT id FROM demo)
      UNION ALL
      SELECT 'revenue', currency, paid_at, counted_paid
        FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND paid_at IS NOT NULL
      UNION ALL
      SELECT 'failed_amount', currency, date, counted_failed
        FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND counted_failed > 0
      UNION ALL
      SELECT 'failed_payments', '', date, 1
        FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND counted_failed > 0
      UNION ALL
      SELECT 'customers', '', created_at, 1 FROM demo
      UNION ALL
      SELECT 'tenants_live', '', live_at, 1
        FROM tenants WHERE customer_id IN (SELECT id FROM demo)
      UNION ALL
      SELECT 'tenants_live', '', state_since, -1
        FROM tenants WHERE customer_id IN (SELECT id FROM demo) AND state <> 'live'
      UNION ALL
      SELECT metric, '', created_at, 1
        FROM demo, (VALUES ('signups_started'), ('signups_paid'), ('signups_live')) AS m (metric)
    ) AS counted (metric, currency, at, amount)
    GROUP BY 1, 2, 3
  )sql"};
  tx.exec(deltas, sign);
}

}  // namespace

bool load_demo(db::Connection& connection) {
  return db::transact(connection, [](db::Tx& tx) {
    if (tx.one<bool>(any_demo)) return false;
    Tables tables;
    Chance chance;
    auto const now = clock_source::now();
    auto const customer = next_id(tx, last_customer), tenant = next_id(tx, last_tenant),
               subscription = next_id(tx, last_subscription);
    for (int i = 0; i < customer_count; ++i)
      add_customer(tables, chance, now, i + 1, customer + i, tenant + i, subscription + i);
    tx.copy_in(
        "COPY customers (id, company, name, email, country, locale, stripe_customer_id, "
        "is_demo, created_at) FROM STDIN",
        tables.customers);
    tx.copy_in(
        "COPY tenants (id, customer_id, subdomain, plan_id, state, state_since, health, "
        "max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, "
        "blueprint, created_at, queued_at, live_at) FROM STDIN",
        tables.tenants);
    tx.copy_in(
        "COPY activity (customer_id, tenant_id, kind, actor_kind, actor, subject, data, at) "
        "FROM STDIN",
        tables.activity_in_order());
    tx.copy_in(
        "COPY signups (tenant_id, customer_id, plan_id, interval, currency, amount, "
        "payment, lease_until, created_at, paid_at) FROM STDIN",
        tables.signups);
    tx.copy_in(
        "COPY subscriptions (id, customer_id, tenant_id, status, currency, mrr, "
        "started_at, ended_at) FROM STDIN",
        tables.subscriptions);
    tx.copy_in(
        "COPY mrr_movements (customer_id, subscription_id, stripe_event_id, kind, "
        "currency, amount, occurred_at) FROM STDIN",
        tables.movements);
    tx.copy_in(
        "COPY billing_invoices (customer_id, subscription_id, stripe_invoice_id, number, "
        "amount, amount_paid, currency, status, attempt_count, next_payment_attempt, date, "
        "paid_at, counted_paid, counted_failed) FROM STDIN",
        tables.invoices);
    tx.copy_in(
        "COPY payment_methods (customer_id, stripe_pm_id, type, \"default\", brand, last4) "
        "FROM STDIN",
        tables.methods);
    for (auto const* table : {"customers", "tenants", "subscriptions"}) {
      db::Query const advance{std::string{"demo.advance_"} + table,
                              std::string{"SELECT setval(pg_get_serial_sequence('"} + table +
                                  "', 'id'), (SELECT max(id) FROM " + table + "))"};
      tx.one<std::int64_t>(advance);
    }
    count(tx, 1);
    return true;
  });
}

bool purge_demo(db::Connection& connection) {
  return db::transact(connection, [](db::Tx& tx) {
    if (!tx.one<bool>(any_demo)) return false;
    count(tx, -1);
    for (auto const* table : {"mrr_movements", "billing_invoices", "payment_methods", "signups",
                              "subscriptions", "activity"}) {
      db::Query const remove{std::string{"demo.purge_"} + table,
                             std::string{"DELETE FROM "} + table +
                                 " WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)"};
      tx.exec(remove);
    }
    db::Query const tenants{"demo.purge_tenants",
                            "DELETE FROM tenants WHERE customer_id IN "
                            "(SELECT id FROM customers WHERE is_demo)"};
    db::Query const customers{"demo.purge_customers", "DELETE FROM customers WHERE is_demo"};
    tx.exec(tenants);
    tx.exec(customers);
    return true;
  });
}

}  // namespace app::commands
