// Messages: their text comes from the pattern, their parameters are a flat object.
#include "platform/i18n/message.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

namespace {
constexpr i18n::Code<"plain", "nothing more"> plain;
constexpr i18n::Code<"of_a_state", "it is {state}, and {state} it stays until {over_at}">
    of_a_state;
constexpr i18n::Code<"room", "{free_bytes} are free, {needed_bytes} are needed"> room;
constexpr i18n::Code<"owed", "{amount} for {count} months"> owed;
constexpr i18n::Code<"quoted", "“{first}” and “{second}”"> quoted;

enum class State { live, purged };
constexpr auto names_of(State) { return std::array<std::string_view, 2>{"live", "purged"}; }

/// As money::Amount is one.
struct Amount {
  std::string currency;
  std::int64_t amount;
};
std::string text(Amount const& money, i18n::Locale) {
  return std::to_string(money.amount / 100) + " " + money.currency;
}
}  // namespace

TEST_CASE("a message says its code, its parameters and what they make of the pattern") {
  CHECK(plain().text == "nothing more");
  CHECK(plain().parameters.text == "{}");
  auto const state = of_a_state(State::purged, *clock_source::parse("2026-11-29T10:00:00Z"));
  CHECK(state.code == "of_a_state");
  CHECK(state.parameters.text == R"({"state":"purged","over_at":"2026-11-29T10:00:00.000Z"})");
  CHECK(state.text == "it is purged, and purged it stays until 2026-11-29T10:00:00.000Z");
}

TEST_CASE("sizes and money are numbers in the parameters and words in the text") {
  auto const sizes = room(std::int64_t{1536} << 20, 900);
  CHECK(sizes.parameters.text == R"({"free_bytes":1610612736,"needed_bytes":900})");
  CHECK(sizes.text == "1.5 GiB are free, 900 B are needed");
  auto const money = owed(Amount{"eur", 4900}, 2);
  CHECK(money.parameters.text == R"({"amount":4900,"currency":"eur","count":2})");
  CHECK(money.text == "49 eur for 2 months");
}

TEST_CASE("a value is never read as a pattern, and any letters come through") {
  auto const message = quoted("{second} \"x\"\n", "Ñandú 東京 مرحبا");
  CHECK(message.text == "“{second} \"x\"\n” and “Ñandú 東京 مرحبا”");
  auto const parameters = boost::json::parse(message.parameters.text);
  CHECK(parameters.at("first").as_string() == "{second} \"x\"\n");
  CHECK(parameters.at("second").as_string() == "Ñandú 東京 مرحبا");
}

TEST_CASE("names that stand twice are one parameter, and none may lack its value") {
  static_assert(i18n::names_in("") == 0);
  static_assert(i18n::names_in("{a} {b} {a}") == 2);
  CHECK_THROWS_AS((void)i18n::message("odd", "{a} {b}", {1}), std::logic_error);
}

TEST_CASE("the same message comes from SQL, where its values are expressions") {
  constexpr i18n::Code<"of_somebody", "{who}'s state is {state}"> of_somebody;
  CHECK(of_somebody.sql("t.name", "t.state") ==
        "jsonb_build_object('code', 'of_somebody', 'parameters', "
        "jsonb_build_object('who', t.name, 'state', t.state), 'text', "
        "replace(replace('{who}''s state is {state}', '{who}', (t.name)::text), '{state}', "
        "(t.state)::text))");
}

TEST_CASE("two sums of one currency name it once") {
  constexpr i18n::Code<"part", "{given_amount} of {paid_amount}"> part;
  CHECK(part(Amount{"eur", 100}, Amount{"eur", 200}).parameters.text ==
        R"({"given_amount":100,"currency":"eur","paid_amount":200})");
}
