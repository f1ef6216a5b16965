// Makes the demo business: a fixed generator decides who signs up when, changes plan, fails to pay
// and leaves; the roll-ups are then computed from those rows like any others.
#include "app/commands/demo.hpp"

#include "analytics/demo.hpp"
#include "billing/demo.hpp"
#include "customers/demo.hpp"
#include "ledger/demo.hpp"
#include "platform/clock/clock.hpp"
#include "signup/demo.hpp"
#include "tenants/demo.hpp"

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

struct Business {
  std::vector<customers::DemoCustomer> customers;
  std::vector<tenants::DemoTenant> tenants;
  std::vector<signup::DemoSignup> signups;
  billing::Demo money;
  std::vector<ledger::DemoStep> steps;
};

/// A moment in the month that lies `ago` months before the present one.
Time moment(Time now, int ago, Chance& chance) {
  year_month_day const today{floor<days>(now)};
  auto const month = year_month{today.year(), today.month()} - months{ago};
  auto const limit = ago == 0 ? unsigned(today.day()) : 28u;
  auto const day = 1u + unsigned(chance.below(int(limit)));
  auto const time = Time{sys_days{month / std::chrono::day{day}}} + minutes{chance.below(24 * 60)};
  return std::min(time, now - minutes{5});
}

void add_customer(Business& out, Chance& chance, Time now, int number, std::int64_t customer,
                  std::int64_t tenant, std::int64_t subscription) {
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

  out.customers.push_back(
      {customer, company, person, host + "@example.com", country, spanish ? "es" : "en", born});
  auto move = [&](std::int64_t amount, Time at) {
    if (amount) out.steps.push_back({customer, subscription, currency, at, amount});
  };
  auto const first_price = price_of(plan);
  move(mrr_of(plan), born);

  std::optional<Time> ended;
  bool failing = false;
  for (int month = ago; month >= 0 && !ended; --month) {
    bool const billed = yearly ? (ago - month) % 12 == 0 : true;
    auto const due = month == ago ? born : moment(now, month, chance);
    bool const fails = billed && month == 0 && month != ago && chance.percent(3);
    if (billed) {
      out.money.invoices.push_back(
          {.customer_id = customer,
           .subscription_id = subscription,
           .number = "DEMO-" + std::to_string(customer) + "-" + std::to_string(ago - month + 1),
           .currency = currency,
           .amount = price_of(plan),
           .date = due,
           .next_attempt = fails ? std::optional{now + hours{48}} : std::nullopt});
      failing |= fails;
    }
    if (month == ago) continue;
    if (chance.percent(2)) {
      ended = due;
      move(-mrr_of(plan), due);
    } else if (plan < 2 && chance.percent(3)) {
      move(mrr_of(plan + 1) - mrr_of(plan), due);
      ++plan;
    } else if (plan > 0 && chance.percent(1)) {
      move(mrr_of(plan - 1) - mrr_of(plan), due);
      --plan;
    }
  }
  auto const& last = plans[plan];
  auto const live_at = born + milliseconds{1200 + chance.below(1800)};
  out.tenants.push_back({tenant, customer, host, last.id, last.users, last.storage, last.memory,
                         last.cpu, born, live_at, ended});
  out.money.subscriptions.push_back({subscription, customer, tenant,
                                     ended     ? "canceled"
                                     : failing ? "past_due"
                                               : "active",
                                     currency, ended ? 0 : mrr_of(plan), born, ended});
  out.signups.push_back(
      {tenant, customer, plans[0].id, yearly ? "year" : "month", currency, first_price, born});
  out.money.cards.push_back({customer, chance.percent(60) ? "visa" : "mastercard",
                             std::to_string(1000 + chance.below(9000))});
}

}  // namespace

bool load_demo(db::Connection& connection) {
  return db::transact(connection, [](db::Tx& tx) {
    if (customers::has_demo(tx)) return false;
    Business business;
    Chance chance;
    auto const now = clock_source::now();
    auto const customer = customers::first_free_id(tx), tenant = tenants::first_free_id(tx),
               subscription = billing::first_free_subscription_id(tx);
    for (int i = 0; i < customer_count; ++i)
      add_customer(business, chance, now, i + 1, customer + i, tenant + i, subscription + i);
    customers::add_demo(tx, business.customers);
    tenants::add_demo(tx, business.tenants);
    signup::add_demo(tx, business.signups);
    billing::add_demo(tx, business.money);
    ledger::add_demo(tx, business.steps);
    analytics::count_demo(tx);
    return true;
  });
}

bool purge_demo(db::Connection& connection) {
  return db::transact(connection, [](db::Tx& tx) {
    if (!customers::has_demo(tx)) return false;
    analytics::uncount_demo(tx);
    signup::remove_demo(tx);
    billing::remove_demo(tx);
    ledger::remove_demo(tx);
    tenants::remove_demo(tx);
    customers::remove_demo(tx);
    return true;
  });
}

}  // namespace app::commands
