// A tenant's own page: who it belongs to, its notes, and a one-time link that makes its opener the
// owner on that device.
#include "sample/sample_app.hpp"

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "platform/crypto/crypto.hpp"
#include "platform/http/origins.hpp"
#include "platform/http/server.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/json/read.hpp"
#include "platform/log/log.hpp"
#include "platform/text/utf8.hpp"
#include "sample/page.hpp"

namespace sample {

namespace {

struct Config {
  std::string tenant_id, subdomain, company, locale, url, listen, database_url;
};

constexpr auto schema = R"sql(
  CREATE TABLE IF NOT EXISTS owner_access (
      token_hash text PRIMARY KEY, expires_at timestamptz NOT NULL, used_at timestamptz);
  CREATE TABLE IF NOT EXISTS owner_sessions (
      session_hash text PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS notes (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT notes_text_fits CHECK (length(text) BETWEEN 1 AND 500));
  CREATE TABLE IF NOT EXISTS facts (key text PRIMARY KEY, value text NOT NULL);
)sql";

db::Query const count_notes{"sample.count_notes", "SELECT count(*) FROM notes"};
db::Query const list_notes{"sample.list_notes",
                           "SELECT text, created_at FROM notes ORDER BY id DESC LIMIT 20"};
db::Query const insert_note{"sample.insert_note", "INSERT INTO notes (text) VALUES ($1)"};
db::Query const is_access_good{"sample.is_access_good", R"sql(
  SELECT EXISTS (SELECT 1 FROM owner_access
                  WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now())
)sql"};
db::Query const use_access{"sample.use_access", R"sql(
  UPDATE owner_access SET used_at = now()
   WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()
)sql"};
db::Query const insert_session{"sample.insert_session",
                               "INSERT INTO owner_sessions (session_hash) VALUES ($1)"};
db::Query const find_session{
    "sample.find_session", "SELECT EXISTS (SELECT 1 FROM owner_sessions WHERE session_hash = $1)"};
db::Query const put_fact{"sample.put_fact", R"sql(
  INSERT INTO facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2
)sql"};
db::Query const get_fact{"sample.get_fact", "SELECT value FROM facts WHERE key = $1"};

std::string hash_of(std::string_view secret) { return crypto::hex(crypto::sha256(secret)); }

/// Where to listen: the socket that we were started with (sd_listen_fds(3)), else as configured.
std::string listen_address(Config const& config) {
  auto const* const pid = std::getenv("LISTEN_PID");
  auto const* const count = std::getenv("LISTEN_FDS");
  bool const is_handed_over =
      pid && count && pid == std::to_string(::getpid()) && std::string_view{count} == "1";
  return is_handed_over ? "fd:3" : config.listen;
}

/// Waits for the database at start: it may come up together with this process.
void prepare_database(Config const& config) {
  db::Connection connection{config.database_url, "sample-app"};
  connection.execute(schema);
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(put_fact, "company", config.company);
    tx.exec(put_fact, "subdomain", config.subdomain);
  });
}

class App {
 public:
  explicit App(Config config) : config_{std::move(config)} {
    add("GET", "/", [this](auto& worker, auto& request) { return home(worker, request, ""); });
    add("POST", "/notes",
        [this](auto& worker, auto& request) { return add_note(worker, request); });
    // Whoever looks at a mail's links before its reader does must not use them up: that takes the
    // button.
    add("GET", "/access/{token}",
        [this](auto& worker, auto& request) { return show_access(worker, request); });
    add("POST", "/access/{token}",
        [this](auto& worker, auto& request) { return use_link(worker, request); });
    add("GET", "/healthz", [this](auto& worker, auto&) { return health(worker); });
    add("GET", "/style.css", [](auto&, auto&) {
      return http::Response{.content_type = "text/css; charset=utf-8",
                            .body = std::string{stylesheet()},
                            .headers = {{"Cache-Control", "max-age=3600"}}};
    });
  }

  http::Router const& router() const { return router_; }

 private:
  template <class Handler>
  void add(std::string method, std::string pattern, Handler handler) {
    router_.add(
        http::Route{.method = std::move(method),
                    .pattern = std::move(pattern),
                    .body_limit = 8 * 1024,
                    .handle = [this, handler](http::Worker* worker, http::Request& request) {
                      http::Response response;
                      try {
                        response = handler(*worker, request);
                      } catch (db::Unavailable const& error) {
                        logging::warning("sample", "{}", error.what());
                        response = page(request, {.title = "503", .unavailable = true}, 503);
                        response.headers.push_back({"Retry-After", "3"});
                      } catch (std::exception const& error) {
                        logging::error("sample", "{}", error.what());
                        response = page(request, {.title = "500", .unavailable = true}, 500);
                      }
                      response.headers.push_back({"X-Tenant-Id", config_.tenant_id});
                      return response;
                    }});
  }

  i18n::Locale locale(http::Request const& request) const {
    auto const header = request.header("accept-language");
    return header.empty() ? enum_from<i18n::Locale>(config_.locale).value_or(i18n::Locale::en)
                          : i18n::from_accept_language(header);
  }

  http::Response page(http::Request const& request, PageContent content, int status = 200) const {
    content.company = content.company.empty() ? config_.company : content.company;
    http::Response response{.status = status,
                            .content_type = "text/html; charset=utf-8",
                            .body = render(content, locale(request))};
    response.headers = {{"Cache-Control", "no-store"},
                        {"Content-Security-Policy",
                         "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
                         "frame-ancestors 'none'; "
                         "base-uri 'none'"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"}};
    return response;
  }

  bool is_owner(db::Tx& tx, http::Request const& request) const {
    auto const session = request.cookie("owner");
    return !session.empty() && tx.one<bool>(find_session, hash_of(session));
  }

  http::Response home(http::Worker& worker, http::Request const& request,
                      std::string_view notice) const {
    db::Tx tx{worker.connection, db::Mode::autocommit};
    PageContent content{.title = config_.subdomain, .notice = std::string{notice}};
    content.company = tx.one<std::string>(get_fact, "company");
    content.owner = is_owner(tx, request);
    content.note_count = tx.one<std::int64_t>(count_notes);
    content.notes = tx.all<Note>(list_notes);
    return page(request, std::move(content));
  }

  http::Response add_note(http::Worker& worker, http::Request const& request) const {
    db::Tx tx{worker.connection, db::Mode::autocommit};
    auto const origin = request.header("origin");
    auto const form = http::parse_form(request.body);
    bool const same_site = origin.empty() || http::is_from_its_host(request);
    if (!is_owner(tx, request) || !same_site)
      return page(request, {.title = "403", .forbidden = true}, 403);
    std::string text;
    if (form)
      for (auto const& [key, value] : *form)
        if (key == "text") text = value;
    if (!text.empty() && utf8::count(text) <= 500) tx.exec(insert_note, text);
    return {.status = 303, .content_type = "text/plain", .headers = {{"Location", "/"}}};
  }

  http::Response show_access(http::Worker& worker, http::Request const& request) const {
    db::Tx tx{worker.connection, db::Mode::autocommit};
    if (!tx.one<bool>(is_access_good, hash_of(request.path_parameter("token"))))
      return page(request, {.title = "410", .link_used = true}, 410);
    return page(request, {.title = config_.subdomain, .may_enter = true});
  }

  http::Response use_link(http::Worker& worker, http::Request const& request) const {
    auto const session = crypto::random_token(24);
    bool const opened = db::transact(worker.connection, [&](db::Tx& tx) {
      if (tx.exec(use_access, hash_of(request.path_parameter("token"))) == 0) return false;
      tx.exec(insert_session, hash_of(session));
      return true;
    });
    if (!opened) return page(request, {.title = "410", .link_used = true}, 410);
    return {.status = 303,
            .content_type = "text/plain",
            .headers = {{"Location", "/"},
                        {"Cache-Control", "no-store"},
                        {"Set-Cookie", "owner=" + session +
                                           "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"}}};
  }

  http::Response health(http::Worker& worker) const {
    db::Tx tx{worker.connection, db::Mode::autocommit};
    tx.one<std::string>(get_fact, "company");
    return {.body = R"({"status":"ok"})", .headers = {{"Cache-Control", "no-store"}}};
  }

  Config config_;
  http::Router router_;
};

}  // namespace

int run(std::string const& config_file) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before any thread begins
  try {
    std::ifstream file{config_file};
    std::stringstream text;
    text << file.rdbuf();
    auto const config = json::read<Config>(text.str());
    prepare_database(config);
    App app{config};
    realtime::Hub hub;
    http::Server server{{.listen = listen_address(config),
                         .database_url = config.database_url,
                         .standard_workers = 2,
                         .slow_workers = 0,
                         .password_workers = 0,
                         .queue_limit = 64},
                        app.router(),
                        hub};
    server.start();
    int signal = 0;
    sigwait(&ending, &signal);
    server.stop(std::chrono::seconds{5});
    return 0;
  } catch (Problem const& problem) {
    logging::error("sample", "{}: {}", config_file, problem.type.title);
  } catch (std::exception const& error) {
    logging::error("sample", "{}", error.what());
  }
  return 1;
}

}  // namespace sample
