// Saved views of lists: whose they are, what two do at once, and what remains of them when the list
// or a person has changed.
#include <doctest/doctest.h>

#include "platform/retention/retention.hpp"
#include "support/app.hpp"

using support::App;
using support::Caller;
using support::Role;
using Members = boost::json::object;
using Rows = std::vector<std::string>;

namespace {
std::string const path = "/api/views";

Members late_payers(Members const& changes = {}) {
  Members out{{"name", "Late payers"},
              {"query", "state=suspended&sort=-created_at"},
              {"visibility", "private"}};
  for (auto const& [name, value] : changes) out[name] = value;
  return out;
}
Members of_tenants(Members const& changes = {}) {
  auto out = late_payers(changes);
  out["list"] = "tenants";
  return out;
}

/// The id of a view that this person has saved.
std::string saved(Caller const& caller, Members const& changes = {}) {
  auto const reply = caller.post(path, of_tenants(changes));
  REQUIRE_MESSAGE(reply.status == 201, reply.body);
  CHECK(reply.header("location") == path + "/" + reply["id"]);
  return path + "/" + reply["id"];
}
support::Reply put(Caller const& caller, std::string const& view, Members const& values,
                   std::string const& tag) {
  return caller.send("PUT", view, boost::json::serialize(values),
                     {"Content-Type: application/json", "If-Match: " + tag});
}
support::Reply remove(Caller const& caller, std::string const& view, std::string const& tag) {
  return caller.send("DELETE", view, "", {"If-Match: " + tag});
}
support::Reply mark(Caller const& caller, std::string const& view, bool pinned, bool is_default) {
  return caller.send(
      "PUT", view + "/marks",
      boost::json::serialize(Members{{"pinned", pinned}, {"is_default", is_default}}),
      {"Content-Type: application/json"});
}
Rows names(Caller const& caller, std::string const& query = "?list=tenants",
           std::string_view member = "name") {
  auto const reply = caller.get(path + query);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  Rows out;
  for (auto const& row : reply.json.at("data").as_array())
    out.push_back(support::Reply::text(row, member));
  return out;
}

/// One round of the rules that say how long views and marks are kept.
void prune(App& app) {
  db::Connection connection{app.database.url()};
  db::transact(connection, [](db::Tx& tx) {
    for (std::string const table : {"view_marks", "saved_views"})
      for (auto const* rule : retention::Rule::all())
        if (rule->terms.table == table) retention::remove_some(tx, *rule, rule->terms.keep, 100);
  });
}
}  // namespace

TEST_CASE("a view gives back what was saved, and nobody else sees a private one") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), support = app.as(Role::support);
  auto const view =
      saved(owner, {{"columns", Members{{"hidden", boost::json::array{"mrr"}},
                                        {"shown", boost::json::array{"created_at"}},
                                        {"order", boost::json::array{"health", "subdomain"}}}},
                    {"density", "compact"},
                    {"page_size", 25}});
  auto const read = owner.get(view);
  REQUIRE(read.status == 200);
  CHECK(read.header("etag") == "\"1\"");
  CHECK(read["list"] == "tenants");
  CHECK(read["query"] == "state=suspended&sort=-created_at");
  CHECK(read["columns.hidden.0"] == "mrr");
  CHECK(read["columns.order.1"] == "subdomain");
  CHECK(read["density"] == "compact");
  CHECK(read["page_size"] == "25");
  CHECK(read["own"] == "true");
  CHECK(read.json.at("dropped").at("filters").as_array().empty());

  CHECK(support.get(view).status == 404);
  CHECK(put(support, view, late_payers(), "\"1\"").status == 404);
  CHECK(remove(support, view, "\"1\"").status == 404);
  CHECK(mark(support, view, true, false).status == 404);
  CHECK(names(support).empty());
  // Of the same name another person may have one, and another list.
  saved(support);
  auto elsewhere = late_payers({{"query", ""}});
  elsewhere["list"] = "customers.unknown";
  CHECK(owner.post(path, elsewhere).wrong_fields() == "/list");
  elsewhere["list"] = "mails";
  CHECK(owner.post(path, elsewhere).status == 201);
  CHECK(names(owner) == Rows{"Late payers"});
  CHECK(names(owner, "?list=mails", "list") == Rows{"mails"});
  CHECK(app.rows("SELECT action, after->>'name' FROM audit_logs WHERE action LIKE 'view.%' "
                 "ORDER BY id LIMIT 1") == Rows{"view.created|Late payers"});
}

TEST_CASE("a view says nothing that its list does not understand") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const wrong = [&](Members const& changes) {
    return owner.post(path, of_tenants(changes)).wrong_fields();
  };
  CHECK(wrong({{"query", "colour=red"}}) == "/query");
  CHECK(wrong({{"query", "state=flying"}}) == "/query");
  CHECK(wrong({{"query", "sort=colour"}}) == "/query");
  CHECK(wrong({{"query", "state=live&state=suspended"}}) == "/query");
  // A place in a list is no view of it.
  CHECK(wrong({{"query", "cursor=abc"}}) == "/query");
  CHECK(wrong({{"query", "limit=25"}}) == "/query");
  CHECK(wrong({{"query", "%7Bid%7D=ten_1"}}) == "/query");
  CHECK(wrong({{"query", "q=%ff"}}) == "/query");
  CHECK(wrong({{"query", std::string(2001, 'x')}}) == "/query");
  CHECK(wrong({{"page_size", 33}}) == "/page_size");
  CHECK(wrong({{"name", ""}}) == "/name");
  CHECK(wrong({{"name", std::string(61, 'x')}}) == "/name");
  CHECK(wrong({{"name", "two\nlines"}}) == "/name");
  CHECK(wrong({{"visibility", "public"}}) == "/visibility");
  auto const columns = [](boost::json::array hidden, boost::json::array shown) {
    return Members{{"columns", Members{{"hidden", std::move(hidden)},
                                       {"shown", std::move(shown)},
                                       {"order", boost::json::array{}}}}};
  };
  CHECK(wrong(columns({"colour"}, {})) == "/columns/hidden/0");
  CHECK(wrong(columns({"health"}, {"health"})) == "/columns/shown/0");
  CHECK(app.value("SELECT count(*) FROM saved_views") == "0");
}

TEST_CASE("names are one's own for a list, in every alphabet and whatever their case") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const view = saved(owner, {{"name", "ÑANDÚ Ёлка"}});
  auto const taken = owner.post(path, of_tenants({{"name", "ñandú ёлка"}}));
  CHECK(taken.status == 422);
  CHECK(taken.problem_of("/name") == "taken");
  // Blanks around it make no other name, and are none.
  CHECK(owner.post(path, of_tenants({{"name", " ñandú ёлка "}})).problem_of("/name") == "taken");
  CHECK(owner.post(path, of_tenants({{"name", "   "}})).status == 422);
  auto const other = saved(owner, {{"name", "納税者"}});
  CHECK(put(owner, other, late_payers({{"name", "Ñandú Ёлка"}}), "\"1\"").problem_of("/name") ==
        "taken");
  // Its own name in another case is no other's.
  CHECK(put(owner, view, late_payers({{"name", "ñandú ёлка"}}), "\"1\"").status == 200);
}

TEST_CASE("of two tabs that change one view the second sees both versions") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const view = saved(owner);
  CHECK(owner
            .send("PUT", view, boost::json::serialize(late_payers()),
                  {"Content-Type: application/json"})
            .status == 428);
  auto const first = put(owner, view, late_payers({{"query", "state=live"}}), "\"1\"");
  REQUIRE(first.status == 200);
  CHECK(first.header("etag") == "\"2\"");
  auto const late = put(owner, view, late_payers({{"query", "plan=team"}}), "\"1\"");
  CHECK(late.status == 412);
  CHECK(late["current.query"] == "state=live");
  CHECK(late["yours.query"] == "plan=team");
  CHECK(remove(owner, view, "\"1\"").status == 412);
  CHECK(owner.get(view)["query"] == "state=live");
  CHECK(remove(owner, view, "\"2\"").status == 204);
  CHECK(remove(owner, view, "\"2\"").status == 404);
}

TEST_CASE("what the list no longer knows is left out and named, and the row stays as it is") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const view = saved(owner);
  app.run(
      "UPDATE saved_views SET query = 'state=suspended&colour=red&plan_of_old=1&sort=-weight', "
      "hidden = '{health,weight}', moved = '{weight,health}'");
  auto const row = app.value("SELECT saved_views::text FROM saved_views");
  auto const read = owner.get(view);
  REQUIRE(read.status == 200);
  CHECK(read["query"] == "state=suspended");
  CHECK(read.json.at("columns").at("hidden") == boost::json::array{"health"});
  CHECK(read.json.at("columns").at("order") == boost::json::array{"health"});
  CHECK(read.json.at("dropped").at("filters") ==
        boost::json::array{"colour", "plan_of_old", "sort"});
  CHECK(read.json.at("dropped").at("columns") == boost::json::array{"weight"});
  // The list of views is not blanked by one of them.
  saved(owner, {{"name", "Another"}});
  CHECK(names(owner).size() == 2);
  CHECK(app.value("SELECT saved_views::text FROM saved_views ORDER BY id LIMIT 1") == row);
  // Saving it anew is what forgets them.
  auto healed = late_payers();
  healed["query"] = read["query"];
  REQUIRE(put(owner, view, healed, "\"1\"").status == 200);
  CHECK(owner.get(view).json.at("dropped").at("filters").as_array().empty());
  // A list that is gone takes its views out of sight; nothing else breaks.
  app.run("UPDATE saved_views SET list = 'gone' WHERE name = 'Another'");
  CHECK(names(owner) == Rows{"Late payers"});
  CHECK(owner.get(path + "?list=gone").wrong_fields() == "?list");
}

TEST_CASE("a shared view is for all who may read its list, and changes by its owner or an admin") {
  auto app = App::fresh();
  auto const support = app.as(Role::support), finance = app.as(Role::finance),
             admin = app.as(Role::admin);
  auto const view = saved(support, {{"visibility", "shared"}});
  auto const seen = finance.get(view);
  REQUIRE(seen.status == 200);
  CHECK(seen["own"] == "false");
  CHECK(seen["owner"] == support.get(view)["owner"]);
  auto const refused = put(finance, view, late_payers({{"visibility", "shared"}}), "\"1\"");
  CHECK(refused.status == 403);
  CHECK(refused["permission"] == "settings:write");
  CHECK(remove(finance, view, "\"1\"").status == 403);

  REQUIRE(mark(finance, view, true, true).status == 200);
  CHECK(finance.get(view)["is_default"] == "true");
  CHECK(support.get(view)["is_default"] == "false");
  REQUIRE(
      put(admin, view, late_payers({{"visibility", "shared"}, {"query", ""}}), "\"1\"").status ==
      200);
  CHECK(support.get(view)["query"] == "");
  CHECK(app.value("SELECT actor FROM audit_logs WHERE action = 'view.changed'") ==
        App::email_of(Role::admin));
  // Taken back, it is nobody else's: pins of others go, so that none comes back by surprise.
  REQUIRE(put(support, view, late_payers(), "\"2\"").status == 200);
  CHECK(finance.get(view).status == 404);
  CHECK(names(finance, "").empty());
  REQUIRE(put(support, view, late_payers({{"visibility", "shared"}}), "\"3\"").status == 200);
  CHECK(finance.get(view)["pinned"] == "false");
  // So can an admin, who then no longer sees it.
  auto const taken = put(admin, view, late_payers(), "\"4\"");
  CHECK(taken.status == 200);
  CHECK(taken["visibility"] == "private");
  CHECK(admin.get(view).status == 404);
  CHECK(support.get(view)["visibility"] == "private");
}

TEST_CASE("views of a list that a role may not read are not there for it") {
  auto app = App::fresh();
  auto const admin = app.as(Role::admin), support = app.as(Role::support);
  auto of_mails = late_payers({{"query", ""}, {"visibility", "shared"}});
  of_mails["list"] = "mails";
  auto const made = admin.post(path, of_mails);
  REQUIRE(made.status == 201);
  auto const auditor = app.as(Role::auditor);
  CHECK(auditor.get(path + "/" + made["id"]).status == 404);
  auto const refused = auditor.get(path + "?list=mails");
  CHECK(refused.status == 403);
  CHECK(refused["permission"] == "mails:read");
  CHECK(auditor.post(path, of_mails).status == 403);
  // Pinned before the role changed.
  REQUIRE(mark(admin, path + "/" + made["id"], true, true).status == 200);
  CHECK(names(admin, "") == Rows{"Late payers"});
  app.run("UPDATE view_marks SET staff_id = (SELECT id FROM staff WHERE email = '" +
          App::email_of(Role::support) + "')");
  CHECK(names(support, "").empty());
}

TEST_CASE("pins and the one default of a list are each person's own") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const one = saved(owner, {{"name", "One"}}), two = saved(owner, {{"name", "Two"}});
  REQUIRE(mark(owner, one, true, true).status == 200);
  REQUIRE(mark(owner, two, false, true).status == 200);
  CHECK(owner.get(one)["is_default"] == "false");
  CHECK(owner.get(one)["pinned"] == "true");
  CHECK(names(owner, "") == Rows{"One"});
  // A mark is no change of the view: whoever edits it is not told of another version.
  CHECK(owner.get(two).header("etag") == "\"1\"");
  // The default is deleted: the list begins with its declaration again.
  REQUIRE(remove(owner, two, "\"1\"").status == 204);
  CHECK(names(owner, "?list=tenants", "is_default") == Rows{"false"});
  CHECK(app.value("SELECT count(*) FROM view_marks") == "1");

  for (int i = 0; i < 19; ++i)
    REQUIRE(mark(owner, saved(owner, {{"name", std::to_string(i)}}), true, false).status == 200);
  auto const more = saved(owner, {{"name", "More"}});
  CHECK(mark(owner, more, true, false)["code"] == "too_many_pins");
  // What is pinned already may become the default.
  CHECK(mark(owner, one, true, true).status == 200);
}

TEST_CASE("who says one mark says nothing of the other") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const view = saved(owner);
  auto const say = [&](Members const& marks) {
    return owner.send("PUT", view + "/marks", boost::json::serialize(marks),
                      {"Content-Type: application/json"});
  };
  REQUIRE(say({{"pinned", true}}).status == 200);
  auto const both = say({{"is_default", true}});
  CHECK(both["pinned"] == "true");
  CHECK(both["is_default"] == "true");
  auto const unpinned = say({{"pinned", false}});
  CHECK(unpinned["pinned"] == "false");
  CHECK(unpinned["is_default"] == "true");
  CHECK(say({}).status == 200);
}

TEST_CASE(
    "a person has a hundred views of a list, twenty of them shared, and takes nobody's room") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), support = app.as(Role::support);
  saved(owner, {{"visibility", "shared"}, {"name", "First"}});
  auto const add = [&](int first, int last, std::string const& visibility) {
    app.run(
        "INSERT INTO saved_views (staff_id, list, name, query, hidden, shown, moved, visibility, "
        "created_at, changed_at) SELECT DISTINCT staff_id, list, 'View ' || i, '', '{}'::text[], "
        "'{}'::text[], '{}'::text[], '" +
        visibility + "'::view_visibility, now(), now() FROM saved_views, generate_series(" +
        std::to_string(first) + ", " + std::to_string(last) + ") AS i");
  };
  add(1, 19, "shared");
  auto const shared = of_tenants({{"name", "Shared"}, {"visibility", "shared"}});
  CHECK(owner.post(path, shared)["code"] == "too_many_views");
  auto const mine = saved(owner);
  CHECK(put(owner, mine, late_payers({{"visibility", "shared"}}), "\"1\"")["code"] ==
        "too_many_views");
  CHECK(put(owner, mine, late_payers({{"query", ""}}), "\"1\"").status == 200);
  add(20, 98, "private");
  auto const refused = owner.post(path, of_tenants({{"name", "One more"}}));
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "too_many_views");
  CHECK(support.post(path, shared).status == 201);
}

TEST_CASE("somebody leaves: private views go, shared ones stay with the name") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), finance = app.as(Role::finance);
  auto const shared = saved(finance, {{"visibility", "shared"}, {"name", "Shared"}});
  auto const own = saved(finance, {{"name", "Private"}});
  REQUIRE(mark(finance, own, true, true).status == 200);
  REQUIRE(mark(finance, shared, true, false).status == 200);
  auto const kept = saved(owner, {{"name", "Kept"}});
  app.run("UPDATE saved_views SET changed_at = now() - interval '2 days'");
  app.run("UPDATE view_marks SET marked_at = now() - interval '2 days'");
  prune(app);
  CHECK(app.value("SELECT count(*) FROM saved_views") == "3");

  auto const person = "/api/settings/team/usr_" + app.value("SELECT id FROM staff WHERE email = '" +
                                                            App::email_of(Role::finance) + "'");
  auto const name = owner.get(person)["name"];
  REQUIRE(remove(owner, person, owner.get(person).header("etag")).status == 204);
  prune(app);
  CHECK(app.rows("SELECT name FROM saved_views ORDER BY name") == Rows{"Kept", "Shared"});
  CHECK(app.value("SELECT count(*) FROM view_marks") == "0");
  auto const seen = owner.get(shared);
  CHECK(seen["owner"] == name);
  // Nobody owns it any more; whoever changes what holds for everybody can tidy up.
  CHECK(remove(owner, shared, seen.header("etag")).status == 204);
}

TEST_CASE("API keys have no views") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const made =
      owner.post("/api/settings/api-keys",
                 {{"name", "Script"}, {"scopes", boost::json::array{"tenants:read"}}});
  REQUIRE_MESSAGE(made.status == 201, made.body);
  Caller const key{app.url(), {"Authorization: Bearer " + made["key"]}};
  CHECK(key.get(path + "?list=tenants").status == 403);
  CHECK(key.post(path, of_tenants()).status == 403);
}
