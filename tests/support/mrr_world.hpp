#pragma once
// Subscriptions as events tell of them, kept by the ledger as its callers do it, and the reports
// about them.
#include <doctest/doctest.h>

#include <random>

#include "ledger/books.hpp"
#include "ledger/rebuild.hpp"
#include "support/app.hpp"

namespace support::mrr {
using boost::json::array;
using boost::json::object;

inline std::int64_t at(std::string const& text) {
  return clock_source::unix_seconds(
      *clock_source::parse(text.size() > 10 ? text : text + "T12:00:00Z"));
}

/// A subscription as an event carries it: so many seats of a price.
struct State {
  std::int64_t amount = 5000;
  std::int64_t seats = 1;
  std::string status = "active";
  std::string currency = "eur";
  std::string plan = "team";
  array discounts{};

  [[nodiscard]] object items(std::string const& subscription) const {
    object const price{{"id", "price_" + plan + "_" + currency},
                       {"currency", currency},
                       {"unit_amount", amount},
                       {"product", "plan_" + plan},
                       {"recurring", object{{"interval", "month"}, {"interval_count", 1}}}};
    object const item{{"id", "si_" + subscription}, {"quantity", seats}, {"price", price}};
    return {{"data", array{item}}};
  }
};

struct World {
  App app = App::fresh();
  int events = 0;

  explicit World(int customers = 1) {
    app.run(
        "INSERT INTO customers (company, name, email, country, locale) SELECT 'C ' || i, 'N', 'p' "
        "|| i || '@example.com', CASE WHEN i % 3 = 0 THEN 'PT' ELSE 'ES' END, 'es' FROM "
        "generate_series(1, " +
        std::to_string(customers) + ") AS i");
    app.run(
        "INSERT INTO stripe_prices (id, product, currency, is_active) SELECT 'price_' || plan || "
        "'_' || currency, 'plan_' || plan, currency, true FROM unnest(ARRAY['starter', 'team']) AS "
        "plan, unnest(ARRAY['eur', 'usd', 'jpy']) AS currency");
  }

  struct Told {
    int customer;
    std::string subscription, event;
    std::int64_t when;
    State state;
    std::optional<State> before{};  // none: it has just been made

    /// As Stripe sends it.
    [[nodiscard]] object whole() const {
      object data{{"object", object{{"id", subscription},
                                    {"customer", "cus_" + std::to_string(customer)},
                                    {"currency", state.currency},
                                    {"status", state.status},
                                    {"discounts", state.discounts},
                                    {"items", state.items(subscription)}}}};
      if (before)
        data["previous_attributes"] =
            object{{"status", before->status}, {"items", before->items(subscription)}};
      return {{"id", event}, {"type", type()}, {"created", when}, {"data", data}};
    }
    [[nodiscard]] std::string type() const {
      return before ? "customer.subscription.updated" : "customer.subscription.created";
    }
  };
  void keep(Told const& told) const {
    db::Connection connection{app.database.url()};
    keep(connection, told);
  }
  static void keep(db::Connection& connection, Told const& told) {
    db::transact(connection, [&](db::Tx& tx) {
      ledger::keep_event(tx, customers::CustomerId{told.customer},
                         {told.event, told.type(), clock_source::from_unix_seconds(told.when)},
                         told.whole());
    });
  }
  /// The subscription of a customer, at noon of a day or at an instant.
  void tell(std::string const& when, State const& state, int customer = 1,
            std::string const& subscription = {}) {
    auto const id = subscription.empty() ? "sub_" + std::to_string(customer) : subscription;
    auto const before = told_.find(id);
    keep({customer, id, "evt_" + std::to_string(++events), at(when), state,
          before == told_.end() ? std::nullopt : std::optional{before->second}});
    told_.insert_or_assign(id, state);
  }
  void fold() {
    app.enqueue(ledger::FoldRollups{});
    app.work();
  }
  Reply get(std::string const& path) {
    auto reply = app.as(Role::owner).get(path);
    REQUIRE_MESSAGE(reply.status == 200, path << ": " << reply.body);
    return reply;
  }
  /// Sums that are not what the movements make.
  std::string wrong_sums() const {
    return app.value(
        "SELECT count(*) FROM mrr_rollups_due AS due FULL JOIN (SELECT policy, currency, span, "
        "anchor, day, kind, sum(amount) AS amount, sum(customers) AS customers FROM (SELECT "
        "policy, currency, span, anchor, day, kind, amount, customers FROM mrr_rollup_days UNION "
        "ALL SELECT policy, currency, span, anchor, day, kind, amount, customers FROM "
        "mrr_rollup_deltas) AS all_of_them GROUP BY 1, 2, 3, 4, 5, 6) AS told USING (policy, "
        "currency, span, anchor, day, kind) WHERE (coalesce(due.amount, 0), "
        "coalesce(due.customers, 0)) <> (coalesce(told.amount, 0), coalesce(told.customers, 0))");
  }

 private:
  std::map<std::string, State> told_;
};

/// A member; numbers as people write them.
inline std::string said(Reply const& reply, std::string const& path) {
  auto const text = reply[path];
  return text.find('E') == std::string::npos ? text : fmt::format("{}", std::stod(text));
}

inline std::string now_text(App const& app) {
  return app.value(
      "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
      "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
}

/// A fifth less: once, for 100 days, for ever.
inline object discount(std::string const& id, std::int64_t starts, int kind) {
  constexpr std::array durations{"once", "repeating", "forever"};
  object out{{"id", id},
             {"object", "discount"},
             {"start", starts},
             {"end", nullptr},
             {"source", object{{"coupon", object{{"id", "coupon_" + id},
                                                 {"duration", durations.at(std::size_t(kind))},
                                                 {"percent_off", 20}}},
                               {"type", "coupon"}}}};
  if (kind == 1) out["end"] = starts + 100 * 86'400;
  return out;
}

/// Subscriptions that change at all hours of the last fifteen months, often within a day.
inline std::vector<World::Told> much(unsigned seed, int customers) {
  std::mt19937 generator{seed};
  auto const one_of = [&](int count) { return int(generator() % unsigned(count)); };
  std::vector<World::Told> out;
  auto const now = clock_source::unix_seconds(clock_source::now());
  int events = 0;
  for (int customer = 1; customer <= customers; ++customer)
    for (int subscription = 0; subscription <= one_of(2); ++subscription) {
      auto when = now - (30 + one_of(430)) * 86'400 - one_of(86'400);
      auto const currency = one_of(4) == 0 ? "usd" : "eur";
      std::string const id = "sub_" + std::to_string(customer) + "_" + std::to_string(subscription);
      array discounts;
      if (one_of(3) == 0) discounts.push_back(discount("di_" + id, when, one_of(3)));
      std::optional<State> before;
      for (int i = 0; i < 3 + one_of(10) && when < now; ++i) {
        State state{.amount = 1000 + 500 * one_of(4),
                    .seats = 1 + one_of(3),
                    .status = one_of(4) == 0 ? "canceled" : "active",
                    .currency = currency,
                    .plan = one_of(2) == 0 ? "team" : "starter",
                    .discounts = discounts};
        out.push_back({customer, id, "evt_" + std::to_string(++events), when, state, before});
        before = state;
        when += 60 + (one_of(3) == 0 ? one_of(86'400) : one_of(60 * 86'400));
      }
    }
  return out;
}

}  // namespace support::mrr
