// Lists as files, to their end: what is too long for one request is ordered, written by a job, and
// fetched from any node; nobody's bad luck is anybody else's.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "platform/jobs/pruning.hpp"
#include "platform/list/export_rows.hpp"
#include "support/app.hpp"
#include "support/second_node.hpp"

using support::App;
using support::Caller;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
void add_mails(App const& app, int count, std::string const& subject = "'Hello ' || i") {
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) SELECT 'welcome', "
      "'en', 'p' || i || '@example.com', " +
      subject + ", '', 'kept' FROM generate_series(1, " + std::to_string(count) + ") AS i");
}

void add_tenants(App const& app) {
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES "
      "('=1+1', 'P', 'p1@example.com', 'ES', 'es'), "
      "('<b>\"Ñandú\", ' || chr(10) || 'مرحبا</b>', 'P', 'p2@example.com', 'ES', 'es'), "
      "('Three', 'P', 'p3@example.com', 'ES', 'es')");
  app.run(R"sql(
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at, created_at)
    SELECT id, 'acme-' || id, 'team', 'live', 'healthy', 1, 1, 1, 1, 'process', 'sample', now(),
           timestamptz '2026-07-01 10:00:00' FROM customers)sql");
  app.run(
      "INSERT INTO subscriptions (customer_id, tenant_id, stripe_subscription_id, status, "
      "currency, "
      "mrr, started_at) VALUES (1, 1, 'sub_1', 'active', 'eur', 4905, now()), "
      "(2, 2, 'sub_2', 'past_due', 'jpy', 4905, now()), (3, 3, 'sub_3', 'active', 'kwd', 5, "
      "now())");
}

support::Reply order(Caller const& caller, boost::json::object const& body) {
  return caller.post("/api/exports", body);
}

/// The path of an export that was taken.
std::string ordered(Caller const& caller, boost::json::object const& body) {
  auto const reply = order(caller, body);
  CAPTURE(reply.body);
  REQUIRE(reply.status == 202);
  return reply.header("location");
}

bool has(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::int64_t lines_of(std::string const& text) {
  return std::count(text.begin(), text.end(), '\n');
}

/// Holds back the part with this number of one export, so that its worker stands in the middle.
class Barrier {
 public:
  Barrier(App const& app, std::string const& path, int number) : connection_{app.database.url()} {
    connection_.execute("BEGIN; INSERT INTO export_parts VALUES (" +
                        path.substr(path.rfind('_') + 1) + ", " + std::to_string(number) + ", '')");
  }
  void lift() { connection_.execute("ROLLBACK"); }

 private:
  db::Connection connection_;
};

/// A client that asks and reads as much as it is told to.
class RawClient {
 public:
  RawClient(App const& app, std::string const& path, Caller const& as) {
    auto const& address = app.settings.http_listen;
    auto const colon = address.rfind(':');
    int const small = 4096;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(std::uint16_t(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n";
    for (auto const& header : as.headers()) request += header + "\r\n";
    request += "\r\n";
    REQUIRE(::send(socket_, request.data(), request.size(), 0) == ssize_t(request.size()));
  }
  ~RawClient() { ::close(socket_); }
  std::string read(std::size_t size) {
    std::string out(size, '\0');
    auto const got = ::recv(socket_, out.data(), size, MSG_WAITALL);
    out.resize(got < 0 ? 0 : std::size_t(got));
    return out;
  }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
};

std::string const in_transactions =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    "pg_backend_pid() AND xact_start IS NOT NULL";
}  // namespace

TEST_CASE("a list of more rows than a client waits for is ordered, written and fetched anywhere") {
  auto app = App::fresh();
  add_mails(app, 20'500);
  auto const owner = app.as(Role::owner);
  auto const refused = owner.get("/api/mails/export?format=json");
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "export_too_large");
  CHECK(has(refused["title"], "POST /api/exports"));

  auto const path = ordered(owner, {{"list", "mails"}, {"sort", "id"}, {"filters", "state=kept"}});
  CHECK(owner.get(path)["state"] == "queued");
  CHECK(owner.get(path + "/file")["code"] == "export_not_ready");
  CHECK(app.work() >= 1);
  auto const done = owner.get(path);
  CHECK(done["state"] == "done");
  CHECK(done["rows_done"] == "20500");
  CHECK(done["rows_total"] == "20500");
  CHECK(owner.get("/api/exports")["data.0.id"] == done["id"]);

  support::SecondNode const second{app};
  for (auto const& node : {owner, Caller{second.url(), owner.headers()}}) {
    auto const file = node.get(path + "/file");
    REQUIRE(file.status == 200);
    CHECK(file.header("content-type").starts_with("text/csv"));
    CHECK(has(file.header("content-disposition"), done["file_name"]));
    CHECK(std::to_string(file.body.size()) == done["size_bytes"]);
    CHECK(lines_of(file.body) == 2 + 20'500);
    CHECK(has(file.body, "\"p20500@example.com\""));
  }
  CHECK(app.value("SELECT count(*) >= 2 FROM export_parts") == "t");
  CHECK(app.value("SELECT max(octet_length(content)) <= 1048576 FROM export_parts") == "t");
  CHECK(std::filesystem::is_empty(std::filesystem::path{app.settings.data_dir} / "exports"));

  CHECK(owner.send("DELETE", path, "", {}).status == 204);
  CHECK(owner.get(path).status == 404);
  CHECK(owner.get(path + "/file").status == 404);
  CHECK(owner.send("DELETE", path, "", {}).status == 404);
  CHECK(app.value("SELECT count(*) FROM export_parts") == "0");
  CHECK(app.rows("SELECT actor, action, target, coalesce(after->>'list', ''), "
                 "coalesce(after->>'filters', ''), coalesce(after->>'rows', '') FROM audit_logs "
                 "WHERE action LIKE 'list.%' "
                 "ORDER BY id") ==
        Rows{"owner@example.com|list.exported|exp_1|mails|state=kept, sort=id|",
             "owner@example.com|list.export_fetched|exp_1|mails||20500",
             "owner@example.com|list.export_fetched|exp_1|mails||20500",
             "owner@example.com|list.export_deleted|exp_1|||"});
  CHECK(app.jobs("list.make_export") == Rows{"done"});
}

TEST_CASE("a file speaks the language that it is asked for, and money has its decimals") {
  auto app = App::fresh();
  add_tenants(app);
  auto const owner = app.as(Role::owner);
  std::string const query =
      "sort=-subdomain&state=live&columns=id,company,state,mrr.amount,mrr.currency,"
      "subscription_status,maintenance,created_at&zone=Europe/Madrid";
  auto const spanish = owner.get("/api/tenants/export?format=csv-es&language=es&" + query);
  REQUIRE(spanish.status == 200);
  auto const& body = spanish.body;
  CAPTURE(body);
  CHECK(body.starts_with("\xEF\xBB\xBF\"Tenants, a 20"));
  CHECK(has(body, "(Europe/Madrid). "));
  CHECK(has(body, "Orden: Subdominio, descendente"));
  CHECK(has(body, "Estado: Activo"));
  CHECK(has(body,
            "\"ID del tenant\";\"Empresa\";\"Estado\";\"MRR\";\"Moneda del "
            "MRR\";\"Suscripción\";\"Mantenimiento\";\"Creado\"\r\n"));
  CHECK(has(body,
            "ten_3;\"Three\";\"Activo\";0,005;\"kwd\";\"Activa\";\"no\";2026-07-01 12:00:00\r\n"));
  CHECK(has(body, "ten_2;\"<b>\"\"Ñandú\"\", \nمرحبا</b>\";\"Activo\";4905;\"jpy\";"));
  CHECK(has(body, "ten_1;\"'=1+1\";\"Activo\";49,05;\"eur\";"));

  auto const english = owner.get("/api/tenants/export?language=en&columns=id,state,mrr.amount");
  CHECK(has(english.body, "\"Tenant ID\",\"State\",\"MRR\"\r\n"));
  CHECK(has(english.body, "All rows"));
  CHECK(has(english.body, "ten_1,\"Live\",49.05\r\n"));

  // Programs read the API's names, in a file of either making, and JSON has minor units.
  auto const plain = owner.get("/api/tenants/export?" + query);
  CHECK(has(plain.body, "\"id\",\"company\",\"state\",\"mrr.amount\""));
  CHECK(has(plain.body, "ten_1,\"'=1+1\",\"live\",49.05,\"eur\",\"active\",false,"));
  auto const json = owner.get("/api/tenants/export?format=json&language=es&sort=subdomain");
  CHECK(json["data.0.mrr.amount"] == "4905");
  CHECK(json["data.0.state"] == "live");
  CHECK(owner.get("/api/tenants/export?language=fr").wrong_fields() == "?language");

  auto const path = ordered(owner, {{"list", "tenants"},
                                    {"format", "csv-es"},
                                    {"language", "es"},
                                    {"zone", "Europe/Madrid"},
                                    {"sort", "-subdomain"},
                                    {"filters", "state=live"},
                                    {"columns",
                                     {"id", "company", "state", "mrr.amount", "mrr.currency",
                                      "subscription_status", "maintenance", "created_at"}}});
  app.work();
  auto const ordered_file = owner.get(path + "/file").body;
  // But for the moment in the first line they are the same.
  CHECK(ordered_file.substr(ordered_file.find("\r\n")) == body.substr(body.find("\r\n")));
}

TEST_CASE("what an order asks for is checked before it is taken") {
  auto app = App::fresh();
  add_tenants(app);
  auto const owner = app.as(Role::owner);
  using Object = boost::json::object;
  auto const wrong = [&](Object more) {
    more.emplace("list", "tenants");
    auto const reply = order(owner, more);
    CHECK(reply.status == 422);
    return reply.wrong_fields();
  };
  CHECK(order(owner, {{"list", "secrets"}}).wrong_fields() == "/list");
  CHECK(order(owner, {}).wrong_fields() == "/list");
  CHECK(wrong({{"format", "xls"}}) == "/format");
  CHECK(wrong({{"filters", "stat=live"}}) == "/filters/stat");
  CHECK(wrong({{"filters", "state=gone"}}) == "/filters/state");
  CHECK(wrong({{"filters", "limit=5"}}) == "/filters/limit");
  CHECK(wrong({{"filters", "zone=UTC"}}) == "/filters/zone");
  CHECK(wrong({{"filters", "%7Bid%7D=ten_1"}}) == "/filters/{id}");
  CHECK(wrong({{"filters", "%zz"}}) == "/filters");
  for (auto const* zone : {"Mars/Olympus", "UTC+3", "<+05>-5", "Europe//Madrid"}) {
    CAPTURE(zone);
    CHECK(wrong({{"zone", zone}}) == "/zone");
  }
  CHECK(wrong({{"columns", {"secret"}}}) == "/columns");
  CHECK(wrong({{"sort", "secret"}}) == "/filters/sort");
  CHECK(wrong({{"within", "ten_1"}}) == "/within");
  CHECK(order(owner, {{"list", "backups"}}).wrong_fields() == "/within");
  CHECK(order(owner, {{"list", "backups"}, {"within", "ten_99"}}).status == 404);
  CHECK(order(owner, {{"list", "backups"}, {"within", "nonsense"}}).status == 422);
  CHECK(app.value("SELECT count(*) FROM exports") == "0");
  auto const path = ordered(owner, {{"list", "tenant_activity"}, {"within", "ten_1"}});
  app.work();
  CHECK(owner.get(path)["state"] == "done");
}

TEST_CASE("an export belongs to whoever asked, who must still be allowed to read the list") {
  auto app = App::fresh();
  add_mails(app, 3);
  auto const admin = app.as(Role::admin), owner = app.as(Role::owner);
  CHECK(order(app.visitor(), {{"list", "mails"}}).status == 401);
  auto const refused = order(app.as(Role::support), {{"list", "mails"}});
  CHECK(refused.status == 403);
  CHECK(refused["permission"] == "mails:read");

  auto const path = ordered(admin, {{"list", "mails"}});
  CHECK(owner.get(path).status == 404);
  CHECK(owner.get(path + "/file").status == 404);
  CHECK(owner.send("DELETE", path, "", {}).status == 404);
  CHECK(owner.get("/api/exports").json.at("data").as_array().empty());

  auto const become = [&](std::string const& role) {
    app.run("UPDATE staff SET role = '" + role + "' WHERE email = 'admin@example.com'");
    db::Connection connection{app.database.url()};
    db::transact(connection, [](db::Tx& tx) { identity::announce_change(tx); });
    REQUIRE(support::eventually(
        [&] { return (admin.get("/api/mails?limit=1").status == 200) == (role == "admin"); }));
  };
  SUBCASE("lost before it is written") {
    become("support");
    app.work();
    CHECK(admin.get(path)["state"] == "failed");
    CHECK(admin.get(path)["error_code"] == "permission_lost");
    CHECK(app.value("SELECT count(*) FROM export_parts") == "0");
    CHECK(app.jobs("list.make_export") == Rows{"done"});
  }
  SUBCASE("lost before it is fetched") {
    app.work();
    CHECK(admin.get(path + "/file").status == 200);
    become("support");
    auto const late = admin.get(path + "/file");
    CHECK(late.status == 403);
    CHECK(late["permission"] == "mails:read");
  }
}

TEST_CASE("an order of another version of the program fails with a reason") {
  auto app = App::fresh();
  add_mails(app, 3);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "mails"}, {"columns", {"id", "subject"}}});
  SUBCASE("its column has another name now") {
    app.run("UPDATE exports SET wish = replace(wish::text, 'subject', 'headline')::jsonb");
  }
  SUBCASE("its list is gone") { app.run("UPDATE exports SET list = 'letters'"); }
  app.work();
  CHECK(owner.get(path)["state"] == "failed");
  CHECK(owner.get(path)["error_code"] == "list_changed");
  CHECK(owner.get(path + "/file")["code"] == "export_not_ready");
  CHECK(app.jobs("list.make_export") == Rows{"done"});
}

TEST_CASE(
    "one snapshot: what is written meanwhile is neither doubled nor missing, and progress shows") {
  auto app = App::fresh();
  add_mails(app, 25'000);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "mails"}, {"sort", "id"}, {"columns", {"id"}}});
  Barrier barrier{app, path, 1};
  std::thread worker{[&] { app.work(); }};
  CHECK(support::eventually([&] { return owner.get(path)["rows_done"] == "10000"; }));
  auto const under_way = owner.get(path);
  CHECK(under_way["state"] == "running");
  CHECK(under_way["rows_total"] == "25000");
  db::Connection writer{app.database.url()};
  for (int i = 0; i < 1000; ++i)
    writer.execute("DELETE FROM mails WHERE id = " + std::to_string(24'000 + i) +
                   "; INSERT INTO mails (template, locale, recipient, subject, body, state) VALUES "
                   "('welcome', 'en', 'new@example.com', 'New', '', 'kept')");
  barrier.lift();
  worker.join();
  auto const file = owner.get(path + "/file").body;
  CHECK(lines_of(file) == 2 + 25'000);
  std::set<std::string> ids;
  std::istringstream lines{file};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("mail_")) ids.insert(line);
  CHECK(ids.size() == 25'000);
  CHECK(ids.contains("mail_24500\r"));
  CHECK(!ids.contains("mail_25001\r"));
  CHECK(app.value(in_transactions) == "0");
}

TEST_CASE("an export that is deleted while it is written leaves nothing and no failure") {
  auto app = App::fresh();
  add_mails(app, 45'000);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "mails"}, {"columns", {"id"}}});
  Barrier barrier{app, path, 1};
  std::thread worker{[&] { app.work(); }};
  REQUIRE(support::eventually([&] { return owner.get(path)["rows_done"] == "10000"; }));
  std::thread remover{[&] { CHECK(owner.send("DELETE", path, "", {}).status == 204); }};
  CHECK(support::eventually([&] {
    return app.value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
               "query LIKE 'DELETE FROM exports%'") == "1";
  }));
  barrier.lift();
  remover.join();
  worker.join();
  CHECK(app.value("SELECT (SELECT count(*) FROM exports) + (SELECT count(*) FROM export_parts)") ==
        "0");
  CHECK(app.jobs("list.make_export") == Rows{"done"});
}

TEST_CASE("a worker that died leaves a try behind, of which nothing is in the file") {
  auto app = App::fresh();
  add_mails(app, 50);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "mails"}, {"columns", {"id"}}});
  // As a process that was killed after two parts leaves it.
  app.run(
      "UPDATE exports SET state = 'running', started_at = now(), rows_done = 40, parts = 2, "
      "size_bytes = 6");
  app.run("INSERT INTO export_parts VALUES (1, 0, 'old'), (1, 1, 'old')");
  app.run("UPDATE jobs SET attempt = 1, fence = fence + 1 WHERE kind = 'list.make_export'");
  app.work();
  CHECK(owner.get(path)["state"] == "done");
  auto const file = owner.get(path + "/file").body;
  CHECK(!has(file, "old"));
  CHECK(lines_of(file) == 2 + 50);
  CHECK(app.value("SELECT count(*) FROM export_parts") == "1");
}

TEST_CASE("nobody has more than five files at a time, also when two orders come at once") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner), admin = app.as(Role::admin);
  for (int i = 0; i < 4; ++i) ordered(owner, {{"list", "mails"}});
  std::array<support::Reply, 2> replies;
  std::thread other{[&] { replies[1] = order(owner, {{"list", "mails"}}); }};
  replies[0] = order(owner, {{"list", "mails"}});
  other.join();
  CHECK(std::min(replies[0].status, replies[1].status) == 202);
  CHECK(std::max(replies[0].status, replies[1].status) == 409);
  auto const& refused = replies[0].status == 409 ? replies[0] : replies[1];
  CHECK(refused["code"] == "too_many_exports");
  CHECK(app.value("SELECT count(*) FROM exports") == "5");
  CHECK(order(admin, {{"list", "mails"}}).status == 202);
  // One that is deleted, or whose day is over, makes room.
  CHECK(owner.send("DELETE", "/api/exports/exp_1", "", {}).status == 204);
  CHECK(order(owner, {{"list", "mails"}}).status == 202);
  app.run("UPDATE exports SET created_at = now() - interval '25 hours' WHERE id = 2");
  CHECK(owner.get("/api/exports/exp_2").status == 404);
  CHECK(order(owner, {{"list", "mails"}}).status == 202);
  app.enqueue(jobs::Prune{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM exports WHERE id = 2") == "0");
  CHECK(app.value("SELECT count(*) FROM exports WHERE state <> 'done'") == "0");
}

TEST_CASE("who has waited for more than a minute gets a mail, in their language") {
  auto app = App::fresh();
  add_mails(app, 2);
  auto const owner = app.as(Role::owner);
  ordered(owner, {{"list", "mails"}});
  auto const late = ordered(owner, {{"list", "jobs"}, {"format", "json"}});
  app.run("UPDATE exports SET created_at = now() - interval '2 minutes' WHERE id = 2");
  app.run("UPDATE staff SET locale = 'es' WHERE email = 'owner@example.com'");
  app.work();
  auto const mails = app.rows(
      "SELECT recipient, locale, subject, body FROM mails WHERE template = 'export_ready'");
  REQUIRE(mails.size() == 1);
  CHECK(mails[0].starts_with("owner@example.com|es|Tu archivo está listo: jobs-20"));
  // It leads to the page of the list, by way of the sign-in where somebody is signed out.
  CHECK(has(mails[0], app.settings.public_url + "/admin/jobs?export=exp_2\n"));
  CHECK(late == "/api/exports/exp_2");
  CHECK(owner.get("/admin/jobs?export=exp_2").status == 200);
  auto const signed_out = app.visitor().get("/admin/jobs?export=exp_2");
  CHECK(signed_out.status == 303);
  CHECK(signed_out.header("location") == "/login?next=%2Fadmin%2Fjobs%3Fexport%3Dexp_2");
}

TEST_CASE("a list that no page shows is fetched through the API, and the mail says so") {
  auto app = App::fresh();
  add_tenants(app);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "tenant_activity"}, {"within", "ten_1"}});
  app.run("UPDATE exports SET created_at = now() - interval '2 minutes'");
  app.work();
  auto const mails = app.rows("SELECT template, body FROM mails");
  REQUIRE(mails.size() == 1);
  CHECK(mails[0].starts_with("export_ready_for_programs|"));
  CHECK(has(mails[0], "GET " + app.settings.public_url + path + "/file\n"));
  CHECK(owner.get(path + "/file").status == 200);
}

TEST_CASE("a client that reads slowly or leaves holds no thread, no snapshot and no file") {
  auto app = App::fresh();
  add_mails(app, 9'000, "repeat('x', 4000)");
  auto const owner = app.as(Role::owner);
  auto const exports = std::filesystem::path{app.settings.data_dir} / "exports";
  auto const path = ordered(owner, {{"list", "mails"}});
  app.work();
  for (auto const& address : {std::string{"/api/mails/export"}, path + "/file"}) {
    CAPTURE(address);
    std::vector<std::unique_ptr<RawClient>> slow;
    for (int i = 0; i < 3; ++i) {
      slow.push_back(std::make_unique<RawClient>(app, address, owner));
      CHECK(slow.back()->read(1000).starts_with("HTTP/1.1 200"));
    }
    // They have read a thousand bytes of forty million, and wait.
    CHECK(support::eventually([&] { return app.value(in_transactions) == "0"; }));
    CHECK(owner.get("/api/mails?limit=1").status == 200);
    CHECK(owner.get("/api/mails/export?q=p77@&columns=id").status == 200);
    CHECK(slow[0]->read(100'000).size() == 100'000);
    slow.clear();  // in the middle
    CHECK(owner.get("/api/mails?limit=1").status == 200);
    CHECK(std::filesystem::is_empty(exports));
  }
}

TEST_CASE("a directory that cannot be written is told, and nothing else stands still") {
  auto app = App::fresh();
  add_mails(app, 3);
  auto const owner = app.as(Role::owner);
  auto const path = ordered(owner, {{"list", "mails"}});
  app.work();  // needs no directory: parts lie in the database
  std::ofstream{std::filesystem::path{app.settings.data_dir} / "exports"} << "in the way";
  for (auto const& address : {std::string{"/api/mails/export"}, path + "/file"}) {
    auto const refused = owner.get(address);
    CHECK(refused.status == 503);
    CHECK(refused["code"] == "export_not_written");
  }
  std::filesystem::remove(std::filesystem::path{app.settings.data_dir} / "exports");
  CHECK(owner.get(path + "/file").status == 200);
}

TEST_CASE("memory stays flat, however many rows there are") {
  auto app = App::fresh();
  auto const resident = [] {
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
    return 0LL;
  };
  add_mails(app, 100'000, "repeat('x', 300)");
  auto const owner = app.as(Role::owner);
  auto const small = ordered(owner, {{"list", "mails"}, {"filters", "q=p7%40"}});
  app.work();
  REQUIRE(owner.get(small)["state"] == "done");
  auto const before = resident();
  auto const path = ordered(owner, {{"list", "mails"}});
  app.work();
  auto const after = resident();
  MESSAGE("100,000 rows, " << owner.get(path)["size_bytes"] << " bytes: resident " << before
                           << " kB before, " << after << " kB after");
  CHECK(owner.get(path)["rows_done"] == "100000");
  CHECK(std::stoll(owner.get(path)["size_bytes"]) > 30'000'000);
  CHECK(after - before < 20'000);  // kB
}
