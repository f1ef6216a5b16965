// The ladder as a table of cases: what is planned, when, and what is to be done now.
#include "dunning/ladder.hpp"

#include <doctest/doctest.h>

using namespace dunning;
using namespace std::chrono;
using Words = std::vector<std::string>;

namespace {
Time on(int year, unsigned month, unsigned the_day, int hour = 0) {
  return Time{sys_days{std::chrono::year{year} / month / the_day}} + hours{hour};
}
auto const began = on(2026, 3, 1);
Time after(double days_later) { return began + seconds{std::int64_t(days_later * 86'400)}; }

Ladder const usual{0, 3, 7, 10, 14, 30, 60};

Facts failed(Time at = began) {
  Facts facts;
  facts.first_failed_at = at;
  facts.began_at = at;
  facts.attempts = {at};
  facts.ladder = usual;
  return facts;
}

/// "hold 2026-03-15T00:00" of what is still to come, in order.
Words coming(Facts const& facts, Time now) {
  Words out;
  for (auto const& [step, progress, at] : plan(facts, now))
    if (progress == Progress::coming)
      out.push_back(std::string{name_of(step)} + " " + clock_source::rfc3339(*at).substr(0, 16));
  return out;
}
std::string when(Facts const& facts, Step step, Time now = began) {
  for (auto const& one : plan(facts, now))
    if (one.step == step) return one.at ? clock_source::rfc3339(*one.at).substr(0, 16) : "waits";
  return "never";
}
/// "third_mail, not first_mail second_mail"
std::string now_due(Facts const& facts, Time now) {
  auto const [act, late] = decide(plan(facts, now), now);
  std::string out{act ? name_of(*act) : "nothing"};
  for (auto const step : late)
    out += (step == late.front() ? ", not " : " ") + std::string{name_of(step)};
  return out;
}
/// Does what is due at each look, as the worker does; "warning@10.0" for each, with the days since
/// the beginning.
Words walk(Facts facts, std::vector<double> const& looks) {
  Words out;
  for (auto const look : looks) {
    auto const now = after(look);
    auto const [act, late] = decide(plan(facts, now), now);
    for (auto const step : late) facts.taken.push_back({step, Outcome::skipped, now});
    if (!act) continue;
    facts.taken.push_back({*act, Outcome::done, now});
    if (*act == Step::hold) facts.held_since = now;
    if (*act == Step::archive) facts.place = Place::archived;
    auto text = std::to_string(look);
    out.push_back(std::string{name_of(*act)} + "@" + text.substr(0, text.find('.') + 2));
  }
  return out;
}
std::vector<double> every_day(int from, int to) {
  std::vector<double> out;
  for (int at = from; at <= to; ++at) out.push_back(at);
  return out;
}
}  // namespace

TEST_CASE("an old debt that is found late archives nobody in the same moment") {
  auto facts = failed();
  facts.held_since = after(5);
  facts.began_at.reset();
  CHECK(now_due(facts, after(40)) == "third_mail, not first_mail second_mail");
  CHECK(when(facts, Step::archive, after(40)) == "2026-04-17T00:00");
  facts.began_at = after(40);
  CHECK(when(facts, Step::archive, after(43)) == "2026-04-17T00:00");
  CHECK(when(facts, Step::purge, after(43)) == "2026-04-30T00:00");
}

TEST_CASE("without anything in between the steps come on their days") {
  CHECK(coming(failed(), began) ==
        Words{"first_mail 2026-03-01T00:00", "second_mail 2026-03-04T00:00",
              "third_mail 2026-03-08T00:00", "warning 2026-03-11T00:00", "hold 2026-03-15T00:00",
              "archive 2026-03-31T00:00", "purge 2026-04-30T00:00"});
  CHECK(walk(failed(), every_day(0, 70)) == Words{"first_mail@0.0", "second_mail@3.0",
                                                  "third_mail@7.0", "warning@10.0", "hold@14.0",
                                                  "archive@30.0", "purge@60.0"});
}

TEST_CASE("a day has 24 hours, in leap years and over changes of any clock") {
  auto const facts = failed(on(2028, 2, 26, 23));
  CHECK(when(facts, Step::second_mail) == "2028-02-29T23:00");
  CHECK(when(facts, Step::third_mail) == "2028-03-04T23:00");
  CHECK(when(failed(on(2027, 2, 26, 23)), Step::third_mail) == "2027-03-05T23:00");
  // Europe changes its clocks on 28 March 2027.
  CHECK(when(failed(on(2027, 3, 25, 1)), Step::third_mail) == "2027-04-01T01:00");
}

TEST_CASE("a step comes a day after an attempt that falls before it, and never overtakes one") {
  auto facts = failed();
  facts.next_attempt = after(3);
  CHECK(when(facts, Step::second_mail) == "2026-03-05T00:00");
  CHECK(when(facts, Step::first_mail) == "2026-03-01T00:00");
  SUBCASE("one that comes after it moves nothing") {
    facts.next_attempt = after(3.5);
    CHECK(when(facts, Step::second_mail) == "2026-03-04T00:00");
  }
  SUBCASE("nor does the attempt with which it began") {
    facts.next_attempt.reset();
    CHECK(when(facts, Step::first_mail) == "2026-03-01T00:00");
  }
  SUBCASE("once it has failed, too: the instant does not jump back") {
    facts.attempts = {began, after(3)};
    facts.next_attempt = after(5);
    CHECK(when(facts, Step::second_mail) == "2026-03-05T00:00");
  }
  SUBCASE("one after the other, for a week at most") {
    facts.attempts = {began};
    for (int tried = 3; tried < 20; ++tried) facts.attempts.push_back(after(tried));
    CHECK(when(facts, Step::second_mail) == "2026-03-11T00:00");
  }
  SUBCASE("which is late itself is waited for") {
    facts.next_attempt = after(13.9);
    CHECK(now_due(facts, after(14.5)) == "warning, not first_mail second_mail third_mail");
    facts.taken = {{Step::first_mail, Outcome::done, began},
                   {Step::second_mail, Outcome::done, after(3)},
                   {Step::third_mail, Outcome::done, after(7)},
                   {Step::warning, Outcome::done, after(10)}};
    CHECK(now_due(facts, after(14.5)) == "nothing");
    CHECK(now_due(facts, after(14.9)) == "hold");
  }
}

TEST_CASE("after a time away one mail says how it is, and nobody is suspended on its day") {
  CHECK(now_due(failed(), after(8)) == "third_mail, not first_mail second_mail");
  CHECK(walk(failed(), {0, 3, 4, 8.5, 9}) ==
        Words{"first_mail@0.0", "second_mail@3.0", "third_mail@8.5"});
  SUBCASE("a weekend over the hold: it comes on Monday") {
    CHECK(walk(failed(), {0, 3, 7, 10, 16, 17}) == Words{"first_mail@0.0", "second_mail@3.0",
                                                         "third_mail@7.0", "warning@10.0",
                                                         "hold@16.0"});
  }
  SUBCASE("three months: nothing is taken away without a word and without time") {
    CHECK(walk(failed(), every_day(90, 120)) ==
          Words{"warning@90.0", "hold@91.0", "archive@98.0", "purge@105.0"});
  }
}

TEST_CASE("a pause stops all of it, and a day before which nothing comes moves it") {
  auto facts = failed();
  facts.waits = true;
  CHECK(now_due(facts, after(20)) == "nothing");
  CHECK(when(facts, Step::hold) == "waits");
  CHECK(next_look(plan(facts, after(20))) == std::nullopt);
  facts.waits = false;
  facts.not_before = after(20);
  CHECK(now_due(facts, after(19)) == "nothing");
  CHECK(now_due(facts, after(20)) == "warning, not first_mail second_mail third_mail");
  CHECK(when(facts, Step::hold, after(19)) == "2026-03-22T00:00");
  CHECK(when(facts, Step::archive, after(19)) == "2026-03-31T00:00");
  CHECK(next_look(plan(facts, after(19))) == after(20));
}

TEST_CASE("what was done is not done again; another's ladder is another's") {
  auto facts = failed();
  facts.taken = {{Step::first_mail, Outcome::done, began}};
  CHECK(now_due(facts, after(1)) == "nothing");
  facts.ladder = {.first_mail = 0, .hold = 5};
  CHECK(coming(facts, began) == Words{"hold 2026-03-06T00:00"});
  facts.ladder = {.first_mail = 0, .second_mail = 3};
  CHECK(coming(facts, began) == Words{"second_mail 2026-03-04T00:00"});
  // Without a suspension there is nothing to warn of, and nothing that could be archived.
  facts.ladder = usual;
  facts.ladder.hold.reset();
  CHECK(coming(facts, began) ==
        Words{"second_mail 2026-03-04T00:00", "third_mail 2026-03-08T00:00"});
}

TEST_CASE(
    "of two invoices the older one counts, and when it is paid the other's own first failure") {
  auto const second = failed(on(2026, 3, 9));
  CHECK(when(second, Step::third_mail, on(2026, 3, 10)) == "2026-03-16T00:00");
  CHECK(now_due(second, on(2026, 3, 10)) == "first_mail");
}

TEST_CASE("what is suspended by Stripe's word is neither warned of it nor suspended again") {
  auto facts = failed();
  facts.held_since = after(7);
  CHECK(coming(facts, after(7)) ==
        Words{"first_mail 2026-03-01T00:00", "second_mail 2026-03-04T00:00",
              "third_mail 2026-03-08T00:00", "archive 2026-03-31T00:00", "purge 2026-04-30T00:00"});
  SUBCASE("and when its subscription has ended, nobody asks for the old money") {
    facts.is_asked_for = false;
    CHECK(coming(facts, after(7)) == Words{"archive 2026-03-31T00:00", "purge 2026-04-30T00:00"});
  }
  SUBCASE("suspended late, it is archived a week later at the soonest") {
    facts.held_since = after(29);
    CHECK(when(facts, Step::archive) == "2026-04-06T00:00");
  }
}

TEST_CASE("nothing is taken from what another subscription pays for") {
  auto facts = failed();
  facts.is_paid_for = true;
  CHECK(coming(facts, began) == Words{"first_mail 2026-03-01T00:00", "second_mail 2026-03-04T00:00",
                                      "third_mail 2026-03-08T00:00"});
}

TEST_CASE("what staff brought back from the archive is not purged") {
  auto facts = failed();
  facts.held_since = after(14);
  facts.taken = {{Step::hold, Outcome::done, after(14)}, {Step::archive, Outcome::done, after(30)}};
  facts.is_asked_for = false;
  facts.place = Place::archived;
  CHECK(coming(facts, after(31)) == Words{"purge 2026-04-30T00:00"});
  facts.place = Place::standing;
  CHECK(coming(facts, after(31)) == Words{});
}
