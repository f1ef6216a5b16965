// D1 to D5 of the report definitions with exact figures, and histories that come in any order.
#include "ledger/derive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

namespace {
using namespace ledger;
using stripe::Object;

Time day(int number) { return Time{std::chrono::sys_days{std::chrono::days{20'000 + number}}}; }

std::string price(std::string const& amount, std::string const& interval = "month",
                  std::string const& more = {}) {
  return R"("price":{"id":"p_)" + amount + R"(","unit_amount":)" + amount +
         R"(,"recurring":{"interval":")" + interval + R"(","interval_count":1})" + more + "}";
}

std::string item(std::string const& price, std::string const& quantity = "1",
                 std::string const& more = {}, std::string const& id = "si_1") {
  return R"({"id":")" + id + R"(",)" + price + R"(,"quantity":)" + quantity + more + "}";
}

Object subscription(std::string const& items, std::string const& status = "active",
                    std::string const& more = {}) {
  return boost::json::parse(R"({"id":"sub_1","currency":"eur","status":")" + status + "\"" + more +
                            R"(,"items":{"data":[)" + items + "]}}")
      .as_object();
}

std::int64_t mrr(std::string const& items, std::string const& status = "active",
                 std::string const& more = {}) {
  return mrr_of(subscription(items, status, more), {}, Policy::recurring, day(0));
}

/// Terms of a discount that a coupon of this JSON makes.
Terms discount(std::string const& id, std::string const& coupon, std::optional<int> ends = {}) {
  auto terms = terms_of(boost::json::parse(R"({"id":")" + id +
                                           R"(","subscription":"sub_1","source":{"coupon":{)" +
                                           coupon + "}}}")
                            .as_object());
  if (ends) terms.ends = day(*ends);
  return terms;
}

TermsById terms(std::initializer_list<Terms> all) {
  TermsById out;
  for (auto const& one : all) out.emplace(one.discount_id, one);
  return out;
}

std::int64_t discounted(std::string const& items, std::string const& ids, TermsById const& known,
                        Policy policy = Policy::recurring) {
  return mrr_of(subscription(items, "active", R"(,"discounts":)" + ids), known, policy, day(0));
}

std::string const half = R"("id":"half","duration":"forever","percent_off":50)";
std::string const ten_off =
    R"("id":"ten","duration":"forever","amount_off":1000,"currency":"eur","percent_off":null)";
}  // namespace

TEST_CASE("an item's MRR is exact and rounded half up (D2)") {
  CHECK(mrr(item(price("5000"))) == 5000);
  CHECK(mrr(item(price("100000", "year"))) == 8333);
  CHECK(mrr(item(price("5000")) + "," + item(price("100000", "year"), "1", "", "si_2")) == 13333);
  CHECK(mrr(item(price("100", "week"), "3")) == 1300);
  CHECK(mrr(item(price("1200", "week"))) == 5200);
  CHECK(mrr(item(price("100", "day"))) == 3042);
  CHECK(mrr(item(price("6", "year"))) == 1);  // 0.5 goes up
  CHECK(mrr(R"({"id":"si_1","quantity":1,"price":{"unit_amount":3000,
                "recurring":{"interval":"month","interval_count":3}}})") == 1000);
  CHECK(mrr(item(price("700", "month", R"(,"transform_quantity":{"divide_by":10,"round":"up"})"),
                 "21")) == 2100);
}

TEST_CASE("only active and past due subscriptions that collect count (D3)") {
  auto const items = item(price("1000"), "2");
  CHECK(mrr(items) == 2000);
  CHECK(mrr(items, "past_due") == 2000);
  CHECK(mrr(items, "active", R"(,"cancel_at_period_end":true)") == 2000);
  CHECK(mrr(items, "active", R"(,"pause_collection":{"behavior":"void"})") == 0);
  CHECK(mrr(items, "active", R"(,"pause_collection":null)") == 2000);
  for (auto const* status :
       {"trialing", "incomplete", "incomplete_expired", "unpaid", "paused", "canceled"})
    CHECK(mrr(items, status) == 0);
  CHECK(mrr_of({{"id", "sub_1"}, {"status", "active"}}, {}, Policy::recurring, day(0)) == 0);
}

TEST_CASE("metered items are no MRR, decimal prices are (D2, D5)") {
  auto const decimal = [](std::string const& amount, std::string const& quantity) {
    return mrr(item(R"("price":{"unit_amount":null,"unit_amount_decimal":)" + amount +
                        R"(,"recurring":{"interval":"month","interval_count":1}})",
                    quantity));
  };
  auto const metered =
      item(R"("price":{"unit_amount":99,"recurring":{"interval":"month","usage_type":"metered"}})");
  CHECK(mrr(metered) == 0);
  CHECK(mrr(item(price("10"), "1000") + "," + metered) == 10000);
  CHECK(decimal(R"("0.5")", "1000") == 500);
  CHECK(decimal(R"("0.5")", "1") == 1);
  CHECK(decimal(R"("12.3456")", "1000") == 12346);
  CHECK(decimal(R"("0.000000000001")", "1000") == 0);
  CHECK(decimal("null", "1000") == 0);  // by tiers
  CHECK(mrr(item(price("7", "month", R"(,"unit_amount_decimal":"7")"), "1000")) == 7000);
}

TEST_CASE("an inclusive price counts without its tax (D5)") {
  std::string const rates = R"([{"inclusive":true,"percentage":21.0}])";
  CHECK(mrr(item(price("12100"), "1", R"(,"tax_rates":)" + rates)) == 10000);
  CHECK(mrr(item(price("12100")), "active", R"(,"default_tax_rates":)" + rates) == 10000);
  CHECK(mrr(item(price("12100"), "1", R"(,"tax_rates":[{"inclusive":false,"percentage":21.0}])"),
            "active", R"(,"default_tax_rates":)" + rates) == 12100);
  CHECK(mrr(item(price("3100"), "1", R"(,"tax_rates":[{"inclusive":true,"percentage":10}])")) ==
        2818);
}

TEST_CASE("discounts scale items in their order, amounts in proportion (D4)") {
  auto const known = terms({discount("di_half", half), discount("di_ten", ten_off)});
  auto const item_99 = item(price("9900"));
  CHECK(discounted(item_99, R"(["di_half"])", known) == 4950);
  CHECK(discounted(item_99, R"(["di_half","di_ten"])", known) == 3950);
  CHECK(discounted(item_99, R"(["di_ten","di_half"])", known) == 4450);
  CHECK(discounted(item_99, R"([{"id":"di_half"}])", known) == 4950);
  CHECK(discounted(item_99, R"(["di_unknown"])", known) == 9900);
  CHECK(discounted(item(price("500")), R"(["di_ten"])", known) == 0);  // never below nothing
  // 10.00 of 40.00: a quarter of each item, of the yearly one before it is normalised.
  CHECK(discounted(item(price("1000")) + "," + item(price("3000", "year"), "1", "", "si_2"),
                   R"(["di_ten"])", known) == 750 + 188);
  auto of_item = discount("di_item", half);
  of_item.item_id = "si_1";
  CHECK(discounted(item(price("1000"), "1", R"(,"discounts":["di_item"])") + "," +
                       item(price("1000"), "1", "", "si_2"),
                   "[]", terms({of_item})) == 1500);
  CHECK(discounted(item_99, R"(["di_usd"])",
                   terms({discount("di_usd", R"("id":"u","duration":"forever","amount_off":1000,
                                             "currency":"usd")")})) == 9900);
  CHECK(discounted(item(price("10000")), R"(["di_third"])",
                   terms({discount("di_third",
                                   R"("id":"t","duration":"forever","percent_off":33.33)")})) ==
        6667);
}

TEST_CASE("which discounts count is a matter of policy (D4)") {
  auto const known =
      terms({discount("di_once", R"("id":"o","duration":"once","percent_off":10)"),
             discount("di_months", R"("id":"m","duration":"repeating","percent_off":20)", 90),
             discount("di_always", R"("id":"f","duration":"forever","percent_off":50)")});
  auto const by = [&](std::string const& ids, Policy policy) {
    return discounted(item(price("10000")), ids, known, policy);
  };
  CHECK(by(R"(["di_once"])", Policy::recurring) == 10000);
  CHECK(by(R"(["di_once"])", Policy::all) == 9000);
  CHECK(by(R"(["di_months"])", Policy::recurring) == 8000);
  CHECK(by(R"(["di_months"])", Policy::forever) == 10000);
  CHECK(by(R"(["di_always"])", Policy::forever) == 5000);
  CHECK(by(R"(["di_once","di_months","di_always"])", Policy::all) == 3600);
}

TEST_CASE("a customer's discount counts where a subscription has none of its own") {
  auto whole = discount("di_customer", half);
  whole.subscription_id.reset();
  auto const known = terms({whole, discount("di_ten", ten_off)});
  CHECK(discounted(item(price("9900")), "[]", known) == 4950);
  CHECK(discounted(item(price("9900")), R"(["di_ten"])", known) == 8900);
}

TEST_CASE("a customer has one discount at a time: another takes its place, for good") {
  auto const of_customer = [](std::string const& id, std::string const& coupon, int starts,
                              std::optional<int> ends = {}) {
    auto out = discount(id, coupon, ends);
    out.subscription_id.reset();
    out.starts = day(starts);
    return out;
  };
  // Nobody has told that the first one ended.
  auto const known = terms({of_customer("di_b", half, 0), of_customer("di_a", ten_off, 10, 20)});
  auto const at = [&](int when) {
    return mrr_of(subscription(item(price("9900")), "active", ""), known, Policy::recurring,
                  day(when));
  };
  CHECK(at(5) == 4950);
  CHECK(at(15) == 8900);
  CHECK(at(25) == 9900);
}

TEST_CASE("items of former versions have a plan") {
  CHECK(mrr(R"({"id":"si_1","quantity":3,"plan":{"id":"plan_1","amount":6000,"interval":"year",
                "interval_count":1,"usage_type":"licensed"}})") == 1500);
  CHECK(mrr(R"({"id":"si_1","quantity":3,"price":"price_1","plan":{"id":"plan_1","amount":null,
                "amount_decimal":"0.5","interval":"month","interval_count":1}})") == 2);
  CHECK(mrr(R"({"id":"si_1","plan":{"id":"plan_1","amount":6000,"interval":"year",
                "usage_type":"metered"}})") == 0);
}

TEST_CASE("a currency counts as Stripe writes it; without one numbers are no money") {
  auto const in = [](std::string const& currency) {
    auto state = subscription(item(price("9900")), "active", "");
    state["currency"] = currency;
    return mrr_of(state, {}, Policy::recurring, day(0));
  };
  CHECK(in("eur") == 9900);
  CHECK(in("EUR") == 9900);
  CHECK(in("") == 0);
  CHECK(in("euros") == 0);
}

namespace {
/// A history in a few words: what each event makes of the subscription, and what it names as
/// former.
struct Told {
  int at;  // day
  std::string type;
  Object state;
  std::optional<Object> before{};
  int seconds = 0;
};

std::vector<Snapshot> snapshots(std::vector<Told> const& events) {
  std::vector<Snapshot> out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto const& told = events[i];
    // Ids that do not follow time.
    auto const id = "evt_" + std::to_string((i * 7 + 3) % 10) + std::to_string(i);
    out.push_back(
        {day(told.at) + std::chrono::seconds{told.seconds}, told.type.empty() ? "fetched" : id,
         told.type.empty() ? "" : "customer.subscription." + told.type, told.state, told.before});
  }
  return out;
}

Object before(std::string const& text) { return boost::json::parse(text).as_object(); }

/// "20001: 5000" for each instant of the policy.
std::vector<std::string> told(std::vector<Step> const& steps, Policy policy = Policy::recurring) {
  std::map<Time, std::int64_t> sums;
  for (auto const& step : steps)
    if (step.policy == policy) sums[step.at] += step.delta;
  std::vector<std::string> out;
  for (auto const& [at, delta] : sums)
    if (delta != 0)
      out.push_back(
          std::to_string(std::chrono::floor<std::chrono::days>(at).time_since_epoch().count() -
                         20'000) +
          (delta > 0 ? " +" : " ") + std::to_string(delta));
  return out;
}

struct Scenario {
  std::string name;
  std::vector<Told> events;
  std::vector<std::string> steps;
  TermsById terms{};
};

/// More than can be tried in every order: each names what it changed.
Scenario many_in_one_second() {
  auto const with = [](int seats) {
    return subscription(item(price("1000"), std::to_string(seats)));
  };
  Scenario out{"thirty changes in one second", {{1, "created", with(1)}}, {"1 +1000", "9 +30000"}};
  for (int seats = 1; seats <= 30; ++seats)
    out.events.push_back(
        {9, "updated", with(seats + 1),
         before(R"({"items":{"data":[{"quantity":)" + std::to_string(seats) + "}]}}")});
  return out;
}

std::vector<Scenario> scenarios() {
  auto const plain = [](std::string const& amount, std::string const& status = "active",
                        std::string const& more = {}) {
    return subscription(item(price(amount)), status, more);
  };
  auto const was = [&](std::string const& amount) {
    return before(R"({"items":{"data":[)" + item(price(amount)) + "]}}");
  };
  auto const seats = [](std::string const& count) {
    return subscription(item(price("1000"), count));
  };
  auto const seats_were = [](std::string const& count) {
    return before(R"({"quantity":)" + count + R"(,"items":{"data":[)" + item(price("1000"), count) +
                  "]}}");
  };
  return {
      {"start, upgrade, end",
       {{1, "created", plain("5000")},
        {10, "updated", plain("8000"), was("5000")},
        {40, "deleted", plain("8000", "canceled")}},
       {"1 +5000", "10 +3000", "40 -8000"}},
      {"a trial in which seats change",
       {{1, "created", subscription(item(price("1000"), "2"), "trialing")},
        {5, "updated", subscription(item(price("1000"), "9"), "trialing"), seats_were("2")},
        {15, "updated", seats("9"), before(R"({"status":"trialing"})")}},
       {"15 +9000"}},
      {"first payment fails, and comes",
       {{1, "created", plain("5000", "incomplete")},
        {1, "updated", plain("5000"), before(R"({"status":"incomplete"})"), 5}},
       {"1 +5000"}},
      {"past due counts, unpaid does not, paid again does",
       {{1, "created", plain("5000")},
        {31, "updated", plain("5000", "past_due"), before(R"({"status":"active"})")},
        {45, "updated", plain("5000", "unpaid"), before(R"({"status":"past_due"})")},
        {50, "updated", plain("5000"), before(R"({"status":"unpaid"})")}},
       {"1 +5000", "45 -5000", "50 +5000"}},
      {"collection pauses and goes on",
       {{1, "created", plain("5000")},
        {8, "updated", plain("5000", "active", R"(,"pause_collection":{"behavior":"void"})"),
         before(R"({"pause_collection":null})")},
        {20, "updated", plain("5000"), before(R"({"pause_collection":{"behavior":"void"}})")}},
       {"1 +5000", "8 -5000", "20 +5000"}},
      {"a scheduled end counts when it comes",
       {{1, "created", plain("5000")},
        {8, "updated", plain("5000", "active", R"(,"cancel_at_period_end":true)"),
         before(R"({"cancel_at_period_end":false})")},
        {31, "deleted", plain("5000", "canceled")}},
       {"1 +5000", "31 -5000"}},
      {"a coupon that ends by itself",
       {{1, "created", plain("10000", "active", R"(,"discounts":["di_months"])")}},
       {"1 +8000", "91 +2000"},
       terms({discount("di_months", R"("id":"m","duration":"repeating","percent_off":20)", 91)})},
      {"a coupon whose subscription ends first",
       {{1, "created", plain("10000", "active", R"(,"discounts":["di_months"])")},
        {50, "deleted", plain("10000", "canceled")}},
       {"1 +8000", "50 -8000"},
       terms({discount("di_months", R"("id":"m","duration":"repeating","percent_off":20)", 91)})},
      {"a discount is given, looked at and ended in one second",
       {{1, "created", plain("10000", "active", R"(,"discounts":[])")},
        {10, "updated", plain("10000", "active", R"(,"discounts":["di_half"])"),
         before(R"({"discounts":[]})")},
        {10, "",
         plain("10000", "active", R"(,"discounts":[{"id":"di_half","object":"discount"}])")},
        {10, "updated", plain("10000", "active", R"(,"discounts":[])"),
         before(R"({"discounts":["di_half"]})")}},
       {"1 +10000"},
       terms({discount("di_half", R"("id":"h","duration":"forever","percent_off":50)")})},
      {"a coupon of everything",
       {{1, "created", plain("5000")},
        {10, "updated", plain("5000", "active", R"(,"discounts":["di_all"])"),
         before(R"({"discounts":[]})")}},
       {"1 +5000", "10 -5000", "40 +5000"},
       terms({discount("di_all", R"("id":"a","duration":"repeating","percent_off":100)", 40)})},
      {"three changes in one second",
       {{1, "created", seats("1")},
        {9, "updated", seats("2"), seats_were("1")},
        {9, "updated", seats("7"), seats_were("2")},
        {9, "updated", seats("4"), seats_were("7")}},
       {"1 +1000", "9 +3000"}},
      many_in_one_second(),
      {"there and back in one second",
       {{1, "created", seats("1")},
        {9, "updated", seats("5"), seats_were("1")},
        {9, "updated", seats("1"), seats_were("5")}},
       {"1 +1000"}},
      {"created, changed and ended in one second",
       {{1, "created", seats("3")},
        {1, "updated", seats("4"), seats_were("3")},
        {1, "deleted", subscription(item(price("1000"), "4"), "canceled")}},
       {}},
      {"what was asked for before its event came",
       {{1, "created", plain("5000")},
        {9, "", plain("8000"), {}, 80},
        {9, "updated", plain("8000"), was("5000"), 81}},
       {"1 +5000", "9 +3000"}},
      {"what was asked for tells what no event has told",
       {{1, "created", plain("5000")},
        {9, "", plain("8000")},
        {20, "updated", plain("8000", "active", R"(,"metadata":{"a":"b"})"),
         before(R"({"metadata":{"a":null}})")}},
       {"1 +5000", "9 +3000"}},
      {"what was asked for within the second of an event",
       {{1, "created", seats("1")},
        {9, "updated", seats("2"), seats_were("1")},
        {9, "", seats("3")},
        {20, "updated", seats("4"), seats_were("3")}},
       {"1 +1000", "9 +2000", "20 +1000"}},
      {"what was asked for within a second, before its last event",
       {{1, "created", seats("1")},
        {9, "updated", seats("2"), seats_were("1")},
        {9, "", seats("2")},
        {9, "updated", seats("3"), seats_were("2")}},
       {"1 +1000", "9 +2000"}},
      {"an end that was asked for is dated by its event",
       {{1, "created", plain("5000")},
        {29, "", plain("5000", "canceled")},
        {30, "deleted", plain("5000", "canceled")}},
       {"1 +5000", "30 -5000"}},
  };
}
}  // namespace

TEST_CASE("a history gives the same steps in order, late, shuffled and doubled") {
  std::mt19937 generator{20261130};
  for (auto const& scenario : scenarios()) {
    CAPTURE(scenario.name);
    auto known = snapshots(scenario.events);
    auto const expected = steps_of(known, scenario.terms);
    CHECK(told(expected) == scenario.steps);
    for (int round = 0; round < 20; ++round) {
      std::shuffle(known.begin(), known.end(), generator);
      CHECK(steps_of(known, scenario.terms) == expected);
    }
    // The same changes under other ids.
    auto twice = known;
    for (auto copy : known) {
      if (!copy.is_event()) continue;
      copy.event_id = "evt_x" + copy.event_id;
      twice.push_back(copy);
    }
    CHECK(told(steps_of(twice, scenario.terms)) == scenario.steps);
  }
}

TEST_CASE("a part of the history between its neighbours gives the same steps as the whole") {
  std::mt19937 generator{7};
  auto const below = [&](int limit) { return int(generator() % unsigned(limit)); };
  for (int round = 0; round < 300; ++round) {
    std::vector<Told> events;
    int seats = 1 + below(3), at = 0;
    auto const state = [&] { return subscription(item(price("1000"), std::to_string(seats))); };
    events.push_back({0, "created", state()});
    for (int i = below(12) + 3; i > 0; --i) {
      at += below(3) == 0 ? 0 : 1 + below(4);
      if (below(4) == 0) {
        events.push_back({at, "", state(), {}, below(2)});
        continue;
      }
      auto const former = std::to_string(seats);
      seats = 1 + below(3);
      events.push_back({at, "updated", state(),
                        before(R"({"items":{"data":[)" + item(price("1000"), former) + "]}}"),
                        below(2)});
    }
    auto const whole = snapshots(events);
    auto const all = steps_of(whole, {});
    for (auto const& changed : whole) {
      // Three seconds with events to each side, and all that lies between.
      std::vector<Time> earlier, later;
      std::set<Time> seconds;
      for (auto const& snapshot : whole)
        if (snapshot.is_event()) seconds.insert(snapshot.at);
      for (auto const second : seconds) {
        if (second < changed.at) earlier.insert(earlier.begin(), second);
        if (second > changed.at) later.push_back(second);
      }
      auto const from = earlier.size() > 2 ? earlier[2] : Time::min();
      auto const after = earlier.size() > 2 ? earlier[1] : Time::min();
      auto const until = later.size() > 2 ? later[1] : Time::max();
      auto const ends = later.size() > 2 ? later[2] : Time::max();
      std::vector<Snapshot> part;
      for (auto const& snapshot : whole)
        if (snapshot.at >= from && snapshot.at <= ends) part.push_back(snapshot);
      auto const within = [&](std::vector<Step> steps) {
        std::erase_if(steps, [&](Step const& step) { return step.at <= after || step.at > until; });
        return steps;
      };
      CHECK(within(steps_of(part, {})) == within(all));
    }
  }
}
