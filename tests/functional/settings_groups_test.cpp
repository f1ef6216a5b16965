// Settings that staff change while the program runs: two who save at once, nodes that follow,
// forms.
#include <doctest/doctest.h>

#include "ledger/rebuild.hpp"
#include "organisation/organisation.hpp"
#include "support/second_node.hpp"

using organisation::Organisation;
using support::App;
using support::Role;

namespace {
constexpr auto path = "/api/settings/groups/organisation";

boost::json::object organisation_of(std::string const& name) {
  return {{"legal_name", name},
          {"address", "Calle 1\nMadrid"},
          {"vat_id", "ESB1"},
          {"reporting_zone", "Europe/Madrid"},
          {"reporting_currency", "eur"}};
}

support::Reply put(support::Caller const& caller, boost::json::object const& values,
                   std::string const& tag, std::string const& group = path) {
  return caller.send("PUT", group, boost::json::serialize(values),
                     {"Content-Type: application/json", "If-Match: " + tag});
}
}  // namespace

TEST_CASE("of two people who save one group the second sees both versions, and nothing is lost") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), admin = app.as(Role::admin);
  auto const untouched = owner.get(path);
  REQUIRE(untouched.status == 200);
  CHECK(untouched["reporting_zone"] == "UTC");
  CHECK(untouched.header("etag") == "\"0\"");
  CHECK(owner
            .send("PUT", path, boost::json::serialize(organisation_of("Acme")),
                  {"Content-Type: application/json"})
            .status == 428);

  auto const saved = put(owner, organisation_of("Acme SL"), "\"0\"");
  REQUIRE(saved.status == 200);
  CHECK(saved.header("etag") == "\"1\"");
  auto const late = put(admin, organisation_of("Other SL"), "\"0\"");
  CHECK(late.status == 412);
  CHECK(late["current.legal_name"] == "Acme SL");
  CHECK(late["yours.legal_name"] == "Other SL");
  CHECK(admin.get(path)["legal_name"] == "Acme SL");
  // Only what differs is in the trail.
  CHECK(app.rows("SELECT action, target, before->>'legal_name', after->>'legal_name', "
                 "after ? 'reporting_currency' FROM audit_logs WHERE action LIKE 'settings.%'") ==
        std::vector<std::string>{"settings.organisation_changed|organisation||Acme SL|f"});
  CHECK(app.application().groups().now<Organisation>()->legal_name == "Acme SL");
}

TEST_CASE("a wrong value names its member and changes nothing") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto wrong = organisation_of("Acme SL");
  wrong["reporting_zone"] = "../../etc/passwd";
  wrong["reporting_currency"] = "EUR";
  auto const refused = put(owner, wrong, "\"0\"");
  CHECK(refused.status == 422);
  CHECK(refused.wrong_fields() == "/reporting_currency /reporting_zone");
  wrong = organisation_of(std::string(201, 'x'));
  CHECK(put(owner, wrong, "\"0\"").wrong_fields() == "/legal_name");
  wrong = organisation_of("Acme SL");
  wrong["colour"] = "#000000";
  CHECK(put(owner, wrong, "\"0\"").wrong_fields() == "/colour");
  auto const hours = "/api/settings/groups/working_hours";
  CHECK(put(owner,
            {{"begins_minute", 600}, {"ends_minute", 600}, {"days", boost::json::array{1, 1}}},
            "\"0\"", hours)
            .wrong_fields() == "/days /ends_minute");
  CHECK(owner.get(path).header("etag") == "\"0\"");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action LIKE 'settings.%'") == "0");
  // Finance reads no settings; an auditor does not change them.
  CHECK(app.as(Role::finance).get(path).status == 403);
  CHECK(put(app.as(Role::auditor), organisation_of("Acme SL"), "\"0\"").status == 403);
}

TEST_CASE("a period that is too short is told the bound of its own rule, however short it is") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const view = owner.get("/api/settings/retention");
  std::string least;
  for (auto const& rule : view.json.at("rules_in_force").as_array())
    if (support::Reply::text(rule, "name") == "mails")
      least = support::Reply::text(rule, "least_days");
  REQUIRE(std::stoi(least) > 1);
  for (std::int64_t const days : {-5, 0, 1}) {
    CAPTURE(days);
    auto const refused =
        put(owner,
            {{"chosen",
              boost::json::array{boost::json::object{{"rule_name", "mails"}, {"days", days}}}}},
            "\"0\"", "/api/settings/groups/retention");
    CHECK(refused.wrong_fields() == "/chosen/0/days");
    CHECK(refused["errors.0.parameters.min"] == least);
  }
}

TEST_CASE("a zone is one that reports can be counted in") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* zone :
       {"Europe//Madrid", "leapseconds", "tzdata.zi", "localtime", "posixrules", "right/UTC",
        "posix/UTC", "Factory", "UTC+3", "Europe/Madrid/", "Europe"}) {
    CAPTURE(zone);
    auto wanted = organisation_of("Acme SL");
    wanted["reporting_zone"] = zone;
    CHECK(put(owner, wanted, "\"0\"").wrong_fields() == "/reporting_zone");
  }
  std::string tag = "\"0\"";
  for (auto const* zone : {"Europe/Madrid", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "UTC"}) {
    CAPTURE(zone);
    auto wanted = organisation_of("Acme SL");
    wanted["reporting_zone"] = zone;
    auto const saved = put(owner, wanted, tag);
    CHECK(saved.status == 200);
    tag = saved.header("etag");
    // The books follow within a minute, by a job.
    app.enqueue(ledger::FollowZone{});
    app.work();
    CHECK(owner.get("/api/dashboard/mrr")["range.zone"] == zone);
  }
}

TEST_CASE("a currency is one that exists, and a line holds what can be read on a line") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const wrong = [&](char const* member, std::string const& text) {
    auto wanted = organisation_of("Acme SL");
    wanted[member] = text;
    return put(owner, wanted, "\"0\"").wrong_fields();
  };
  CHECK(wrong("reporting_currency", "zzz") == "/reporting_currency");
  for (auto const* text : {"A\r\nB", "A\nB", "A\aB", "A\x1b[1mB", "A\u202eB", "A\u2028B", " "}) {
    CAPTURE(text);
    CHECK(wrong("legal_name", text) == "/legal_name");
    CHECK(wrong("vat_id", text) == "/vat_id");
  }
  for (auto const* text : {"A\r\nB", "A\aB", "A\n\u202eB", "A\u2028B", "\t"}) {
    CAPTURE(text);
    CHECK(wrong("address", text) == "/address");
  }
  auto blank = organisation_of("");
  blank["vat_id"] = blank["address"] = "";
  CHECK(put(owner, blank, "\"0\"").status == 200);
  blank["address"] = "Calle 1\n\n28001 Madrid\n";
  CHECK(put(owner, blank, "\"1\"").status == 200);
}

TEST_CASE("who saves what stands there already takes no version from others") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  REQUIRE(put(owner, organisation_of("Acme SL"), "\"0\"").status == 200);
  auto const same = put(owner, organisation_of("Acme SL"), "\"1\"");
  CHECK(same.status == 200);
  CHECK(same.header("etag") == "\"1\"");
  CHECK(put(owner, organisation_of("Other SL"), "\"1\"").header("etag") == "\"2\"");
  CHECK(put(owner, organisation_of("Other SL"), "\"1\"").status == 412);
}

TEST_CASE("a list is what was sent, whatever it had before") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const hours = "/api/settings/groups/working_hours";
  CHECK(owner.get(hours).json.at("days").as_array().empty());
  auto const wanted = [](boost::json::array days) {
    return boost::json::object{{"begins_minute", 480}, {"ends_minute", 600}, {"days", days}};
  };
  REQUIRE(put(owner, wanted({1, 2, 3, 4, 5}), "\"0\"", hours).status == 200);
  REQUIRE(put(owner, wanted({6, 7}), "\"1\"", hours).status == 200);
  CHECK(owner.get(hours).json.at("days") == boost::json::array{6, 7});
  REQUIRE(put(owner, wanted({}), "\"2\"", hours).status == 200);
  CHECK(owner.get(hours).json.at("days") == boost::json::array{});
}

TEST_CASE("another node follows at once, and one that missed a change catches up") {
  auto app = App::fresh();
  support::SecondNode second{app};
  auto const owner = app.as(Role::owner);
  REQUIRE(put(owner, organisation_of("Acme SL"), "\"0\"").status == 200);
  CHECK(support::eventually(
      [&] { return second.application().groups().now<Organisation>()->legal_name == "Acme SL"; }));
  // A change that nobody announced: what is answered is what is stored, and the copy follows.
  app.run(
      "UPDATE settings_groups SET content = content || '{\"legal_name\":\"Beta SL\"}', "
      "version = version + 1");
  CHECK(owner.get(path)["legal_name"] == "Beta SL");
  second.application().groups().refresh();
  CHECK(second.application().groups().now<Organisation>()->legal_name == "Beta SL");
}

TEST_CASE("members that are gone are passed over, and new ones have their first value") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO settings_groups (name, version, content) VALUES ('organisation', 4, "
      "'{\"legal_name\":\"Old SL\",\"fax\":\"123\",\"reporting_zone\":7}')");
  app.application().groups().refresh();
  auto const present = app.application().groups().now<Organisation>();
  CHECK(present->legal_name == "Old SL");
  CHECK(present->reporting_zone == "UTC");
  auto const owner = app.as(Role::owner);
  CHECK(owner.get(path).header("etag") == "\"4\"");
  CHECK(put(owner, organisation_of("New SL"), "\"4\"").status == 200);
  CHECK(app.value("SELECT content ? 'fax' FROM settings_groups") == "f");
}

TEST_CASE("a form can be drawn from what the program says about a group") {
  auto app = App::fresh();
  auto const groups = app.as(Role::owner).get("/api/settings/groups");
  REQUIRE(groups.status == 200);
  CHECK(groups["data.0.name"] == "organisation");
  CHECK(groups["data.0.fields.0.name"] == "legal_name");
  CHECK(groups["data.0.fields.0.type"] == "string");
  CHECK(groups["data.0.fields.0.max_length"] == "200");
  CHECK(groups["data.0.fields.3.default_value"] == "null");
  CHECK(groups["data.0.fields.3.format"] == "country");
  CHECK(groups["data.0.fields.3.optional"] == "true");
  CHECK(groups["data.0.fields.4.default_value"] == "UTC");
  CHECK(groups["data.0.fields.4.format"] == "time-zone");
}

TEST_CASE("an accent colour is one that white text can be read on, or none") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const branding = "/api/settings/groups/branding";
  auto const wanted = [](std::string const& colour) {
    return boost::json::object{{"name", "Acme"}, {"accent_colour", colour}};
  };
  CHECK(put(owner, wanted("#ffee00"), "\"0\"", branding).problem_of("/accent_colour") ==
        "too_light");
  for (auto const* wrong : {"1f57a8", "#1f57a", "#1f57ag", "#-1f57a", "#1f57a80", "red"})
    CHECK(put(owner, wanted(wrong), "\"0\"", branding).wrong_fields() == "/accent_colour");
  CHECK(put(owner, wanted("#1F57a8"), "\"0\"", branding).status == 200);
  CHECK(put(owner, wanted(""), "\"1\"", branding).status == 200);
}
