// libpq, spoken to from one place. Statements are prepared per connection on first use.
#include "platform/db/db.hpp"

#include <poll.h>

#include <charconv>
#include <cstring>

#include "platform/log/log.hpp"

namespace db {

namespace {
std::mutex registry_mutex;
std::vector<Query const*>& registry() {
  static std::vector<Query const*> queries;
  return queries;
}

bool is_connection_loss(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P0") || sqlstate == "53300";
}

/// PostgreSQL cannot do it now, and may in a moment: no disk, no memory, a lock or a statement that
/// took too long, a disk error. Nothing is wrong with what was asked.
bool is_out_of_resources(std::string_view sqlstate) {
  return sqlstate.starts_with("53") || sqlstate == "55P03" || sqlstate == "57014" ||
         sqlstate == "58030";
}

Query const begin_transaction{"begin", "BEGIN"};
Query const commit_transaction{"commit", "COMMIT"};
}  // namespace

Query::Query(std::string query_name, std::string text)
    : name{std::move(query_name)}, sql{std::move(text)} {
  std::scoped_lock lock{registry_mutex};
  registry().push_back(this);
}

Query::~Query() {
  std::scoped_lock lock{registry_mutex};
  std::erase(registry(), this);
}

std::vector<Query const*> Query::all() {
  std::scoped_lock lock{registry_mutex};
  return registry();
}

PagedQuery::PagedQuery(std::string name, std::string sql)
    : name_{std::move(name)}, sql_{std::move(sql)} {
  with_limit(51);
}

Query const& PagedQuery::with_limit(int rows) {
  std::scoped_lock lock{mutex_};
  auto& slot = by_limit_.at(std::size_t(rows));
  if (!slot) {
    auto text = sql_;
    auto const at = text.find("{limit}");
    if (at == std::string::npos) throw std::logic_error{name_ + " has no {limit}"};
    text.replace(at, std::strlen("{limit}"), std::to_string(rows));
    slot = std::make_unique<Query>(name_ + "_" + std::to_string(rows), std::move(text));
  }
  return *slot;
}

Connection::Connection(std::string url, std::string application_name)
    : url_{std::move(url)}, application_name_{std::move(application_name)} {}

Connection::~Connection() { drop(); }

void Connection::drop() {
  if (connection_) PQfinish(connection_);
  connection_ = nullptr;
  ++generation_;
  prepared_.clear();
}

void Connection::drop_if_hung_up() {
  if (!connection_ || PQtransactionStatus(connection_) != PQTRANS_IDLE) return;
  // Between statements the server says nothing unless it hangs up: its last words, then the end.
  pollfd waiting{PQsocket(connection_), POLLIN, 0};
  while (::poll(&waiting, 1, 0) > 0)
    if (PQconsumeInput(connection_) == 0 || PQstatus(connection_) != CONNECTION_OK) return drop();
}

PGconn* Connection::raw() {
  if (connection_ && PQstatus(connection_) == CONNECTION_OK) return connection_;
  drop();
  char const* const keys[]{"dbname", "application_name", "connect_timeout", "options", nullptr};
  char const* const values[]{
      url_.c_str(), application_name_.c_str(), "5",
      "-c TimeZone=UTC -c DateStyle=ISO -c client_min_messages=warning -c enable_memoize=off "
      "-c statement_timeout=60s -c idle_in_transaction_session_timeout=120s -c lock_timeout=20s",
      nullptr};
  connection_ = PQconnectdbParams(keys, values, 1);
  if (!connection_ || PQstatus(connection_) != CONNECTION_OK) {
    std::string reason = connection_ ? PQerrorMessage(connection_) : "out of memory";
    while (!reason.empty() && reason.back() == '\n') reason.pop_back();
    drop();
    throw Unavailable{"PostgreSQL cannot be reached: " + reason};
  }
  PQsetNoticeProcessor(
      connection_,
      [](void*, char const* message) {
        std::string_view text{message};
        while (text.ends_with('\n')) text.remove_suffix(1);
        logging::debug("db", "{}", text);
      },
      nullptr);
  return connection_;
}

Result Connection::checked(PGresult* raw_result, std::string_view name) {
  Result result{raw_result};
  auto const status = PQresultStatus(raw_result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
    return result;

  auto text_of = [&](int field) {
    auto const* text = PQresultErrorField(raw_result, field);
    return std::string{text ? text : ""};
  };
  auto const sqlstate = text_of(PG_DIAG_SQLSTATE);
  auto message = text_of(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQerrorMessage(connection_);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  message += " (" + std::string{name} + (sqlstate.empty() ? "" : ", SQLSTATE " + sqlstate) + ")";
  if (sqlstate.empty() || is_connection_loss(sqlstate) || PQstatus(connection_) != CONNECTION_OK) {
    drop();
    throw Unavailable{"PostgreSQL went away: " + message};
  }
  if (is_out_of_resources(sqlstate)) throw Busy{"PostgreSQL cannot do it now: " + message};
  throw Failure{message, sqlstate, text_of(PG_DIAG_CONSTRAINT_NAME)};
}

Result Connection::execute(std::string const& sql) {
  return checked(PQexec(raw(), sql.c_str()), "text");
}

Result Connection::run(Query const& query, int count, char const* const* values) {
  auto* const connection = raw();
  if (!prepared_.contains(query.name)) {
    checked(PQprepare(connection, query.name.c_str(), query.sql.c_str(), 0, nullptr), query.name);
    prepared_.insert(query.name);
  }
  return checked(PQexecPrepared(connection, query.name.c_str(), count, values, nullptr, nullptr, 0),
                 query.name);
}

void Parameter::clock_text(Time value) {
  // Microseconds are kept: PostgreSQL's own times come back equal.
  text_ = clock_source::rfc3339(value);
  auto const microseconds = (value.time_since_epoch().count() % 1000 + 1000) % 1000;
  char digits[4];
  std::snprintf(digits, sizeof digits, "%03d", int(microseconds));
  text_.insert(text_.size() - 1, digits);
}

void Parameter::append_array_item(Parameter const& item) {
  if (!item.text()) {
    text_ += "NULL";
    return;
  }
  text_ += '"';
  for (char const* c = item.text(); *c; ++c) {
    if (*c == '"' || *c == '\\') text_ += '\\';
    text_ += *c;
  }
  text_ += '"';
}

void read_value(std::string_view text, Time& out) {
  auto const time = clock_source::parse(text);
  if (!time) throw std::logic_error{"not a time in the database: " + std::string{text}};
  out = *time;
}

void read_value(std::string_view text, std::int64_t& out) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::logic_error{"not an integer in the database: " + std::string{text}};
}

void read_value(std::string_view text, double& out) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::logic_error{"not a number in the database: " + std::string{text}};
}

std::vector<std::string> read_array(std::string_view text) {
  std::vector<std::string> items;
  if (text.size() < 2 || text.front() != '{') throw std::logic_error{"not an array"};
  text = text.substr(1, text.size() - 2);
  std::string item;
  bool quoted = false, any = !text.empty();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '\\')
      item += text[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      items.push_back(std::exchange(item, {}));
    else
      item += c;
  }
  if (any) items.push_back(std::move(item));
  return items;
}

Tx::~Tx() {
  if (!open_ || !connection_.connection_ || generation_ != connection_.generation_) return;
  PQclear(PQexec(connection_.connection_, "ROLLBACK"));
}

void Tx::begin() {
  if (mode_ == Mode::autocommit) return;
  if (open_) {
    if (generation_ != connection_.generation_)
      throw Unavailable{"the connection was lost inside a transaction"};
    return;
  }
  connection_.run(begin_transaction, 0, nullptr);
  generation_ = connection_.generation_;
  open_ = true;
}

void Tx::commit() {
  if (!open_) return;
  begin();  // throws when the connection was lost meanwhile
  open_ = false;
  auto const result = connection_.run(commit_transaction, 0, nullptr);
  // COMMIT of a failed transaction answers "ROLLBACK" without an error.
  if (std::strcmp(PQcmdStatus(result.get()), "COMMIT") != 0)
    throw Failure{"the transaction was rolled back", "40000", ""};
}

void Tx::copy_in(std::string const& copy_statement, std::string_view rows) {
  begin();
  auto* const connection = connection_.raw();
  connection_.checked(PQexec(connection, copy_statement.c_str()), "copy");
  bool const sent = PQputCopyData(connection, rows.data(), int(rows.size())) == 1 &&
                    PQputCopyEnd(connection, nullptr) == 1;
  if (!sent) throw Unavailable{"PostgreSQL went away in a COPY"};
  while (auto* result = PQgetResult(connection)) connection_.checked(result, "copy");
}

void copy_value(std::string& out, char const* text) {
  if (!text) {
    out += "\\N";
    return;
  }
  for (; *text; ++text) {
    switch (*text) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += *text;
    }
  }
}

}  // namespace db
