// libpq, spoken to from one place. Statements are prepared per connection on first use.
#include "platform/db/db.hpp"

#include <poll.h>

#include <charconv>
#include <cstring>
#include <deque>

#include "platform/db/shortage.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"
#include "platform/log/log.hpp"
#include "platform/text/utf8.hpp"

namespace db {

namespace {
std::mutex registry_mutex;
std::vector<Query const*>& registry() {
  static std::vector<Query const*> queries;
  return queries;
}

/// 25P03: it ended a transaction in which we have said nothing for too long.
bool is_connection_loss(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P0") || sqlstate == "53300" ||
         sqlstate == "25P03";
}

/// It has no room for anybody: no disk, memory, locks, connections, or place in its queue of
/// notices (which has no code of its own, but one word in all languages).
bool has_no_room(std::string_view sqlstate, std::string_view message) {
  return sqlstate.starts_with("53") ||
         (sqlstate == "54000" && message.find("NOTIFY") != std::string_view::npos);
}

/// PostgreSQL cannot do it now, and may in a moment: a lock or a statement that took too long, a
/// disk error. Nothing is wrong with what was asked.
bool may_come_again(std::string_view sqlstate) {
  return sqlstate == "55P03" || sqlstate == "57014" || sqlstate == "58030";
}

std::string_view what_is_full(std::string_view sqlstate) {
  return sqlstate == "53100"   ? "its disk is full"
         : sqlstate == "53200" ? "it is out of memory or locks"
         : sqlstate == "53300" ? "it has no connection left"
         : sqlstate == "54000" ? "its queue of notices is full"
                               : "one of its limits is reached";
}

constexpr Milliseconds longest_answer{1'300};  // to the question whether anybody is there
constexpr Milliseconds longest_pause{1'000};   // between two looks at the time
constexpr std::size_t piece_of_copy = 64 * 1024;

Query const begin_transaction{"begin", "BEGIN"};
Query const commit_transaction{"commit", "COMMIT"};
}  // namespace

Query::Query(std::string query_name, std::string text)
    : Statement{std::move(query_name), std::move(text)} {
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

Connection::Connection(std::string url, std::string application_name, Patience patience)
    : url_{std::move(url)},
      application_name_{std::move(application_name)},
      patience_{patience},
      pulse_{Pulse::of(url_)} {}

Connection::~Connection() { drop(); }

void Connection::drop() {
  if (connection_) PQfinish(connection_);
  connection_ = nullptr;
  ++generation_;
  prepared_.clear();
  place_of_prepared_.clear();
}

void Connection::drop_if_hung_up() {
  if (!connection_ || PQtransactionStatus(connection_) != PQTRANS_IDLE) return;
  // Between statements the server says nothing unless it hangs up: its last words, then the end.
  pollfd waiting{PQsocket(connection_), POLLIN, 0};
  while (::poll(&waiting, 1, 0) > 0)
    if (PQconsumeInput(connection_) == 0 || PQstatus(connection_) != CONNECTION_OK) return drop();
}

PGconn* Connection::raw() {
  if (pulse_->is_lost() && !pulse_->has_come_back())
    throw Unavailable{"PostgreSQL does not answer"};
  if (connection_ && PQstatus(connection_) == CONNECTION_OK) return connection_;
  drop();
  auto const options = fmt::format(
      "-c TimeZone=UTC -c DateStyle=ISO -c client_min_messages=warning -c enable_memoize=off "
      "-c statement_timeout={} -c idle_in_transaction_session_timeout=120s -c lock_timeout={}",
      patience_.statement.count(), patience_.lock.count());
  std::string reason;
  connection_ =
      pulse_->connect(application_name_, options, patience_.silence + longest_answer, reason)
          .release();
  if (!connection_) throw Unavailable{"PostgreSQL cannot be reached: " + reason};
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

/// Leaves PostgreSQL nothing to do that nobody waits for any more.
void Connection::give_up(std::string const& why, std::string_view name) {
  auto const backend = PQbackendPID(connection_);
  drop();
  try {
    Connection other{url_, "onboarding cancel", Patience::request()};
    other.execute("SELECT pg_cancel_backend(" + std::to_string(backend) + ")");
  } catch (std::exception const&) {
    // Its own time limits end it later.
  }
  throw Unavailable{why + " (" + std::string{name} + ")"};
}

/// Until the socket can be read (or written), within our patience.
void Connection::wait(short events, std::string_view name) {
  auto beats = pulse_->beats();
  pollfd waiting{PQsocket(connection_), events, 0};
  Milliseconds silent{0}, waited{0};
  while (true) {
    auto const pause = std::min(patience_.silence, longest_pause);
    int const ready = ::poll(&waiting, 1, int(pause.count()));
    if (ready > 0) return;
    if (ready < 0 && errno == EINTR) continue;
    silent += pause;
    waited += pause;
    if (std::chrono::steady_clock::now().time_since_epoch().count() >= end_by_)
      give_up("the time for this work is over", name);
    if (waited >= patience_.statement + patience_.silence)
      give_up("PostgreSQL did not end a statement that has taken too long", name);
    if (silent < patience_.silence) continue;
    silent = Milliseconds{0};
    if (!pulse_->is_felt_since(beats)) {
      drop();
      throw Unavailable{"PostgreSQL does not answer (" + std::string{name} + ")"};
    }
    beats = pulse_->beats();
  }
}

/// What came back for a statement: like PQexec(), the last of several results. `sent` is what
/// PQsend…() has returned.
Result Connection::answer(int sent, std::string_view name) {
  if (sent == 0) return checked({}, name);
  Result last;
  for (int left = PQflush(connection_); left > 0; left = PQflush(connection_)) {
    wait(POLLIN | POLLOUT, name);
    if (PQconsumeInput(connection_) == 0) break;
  }
  while (true) {
    while (PQisBusy(connection_)) {
      wait(POLLIN, name);
      if (PQconsumeInput(connection_) == 0) break;
    }
    Result next{PQgetResult(connection_)};
    if (!next) break;
    // After an error comes at most the word that it has hung up, which says less.
    if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last = std::move(next);
    auto const status = PQresultStatus(last.get());
    if (status == PGRES_COPY_IN || PQstatus(connection_) != CONNECTION_OK) break;
  }
  return checked(std::move(last), name);
}

Result Connection::checked(Result result, std::string_view name) {
  auto const status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) {
    pulse_->beat();
    return result;
  }
  auto text_of = [&](int field) {
    auto const* text = PQresultErrorField(result.get(), field);
    return std::string{text ? text : ""};
  };
  auto const sqlstate = text_of(PG_DIAG_SQLSTATE);
  auto message = text_of(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQerrorMessage(connection_);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  message += " (" + std::string{name} + (sqlstate.empty() ? "" : ", SQLSTATE " + sqlstate) + ")";
  bool const is_refusal = text_of(PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL" && !sqlstate.empty() &&
                          !is_connection_loss(sqlstate);
  if (has_no_room(sqlstate, message)) lack(url_, what_is_full(sqlstate));
  if (is_refusal) {  // it does not want to go on with this session, but it is there
    drop();
  } else if (sqlstate.empty() || is_connection_loss(sqlstate) ||
             PQstatus(connection_) != CONNECTION_OK) {
    drop();
    message = "PostgreSQL went away: " + message;
    // What a session held is gone with it: such work must not go on as if nothing had happened.
    if (held_ > 0) throw Unavailable{message};
    throw Lost{message};
  }
  pulse_->beat();
  if (has_no_room(sqlstate, message) || may_come_again(sqlstate))
    throw Busy{"PostgreSQL cannot do it now: " + message};
  throw Failure{message, sqlstate, text_of(PG_DIAG_CONSTRAINT_NAME)};
}

Result Connection::execute(std::string const& sql) {
  return answer(PQsendQuery(raw(), sql.c_str()), "text");
}

void Connection::run_quietly(char const* sql) noexcept {
  try {
    if (pulse_->is_lost()) return drop();
    answer(PQsendQuery(connection_, sql), sql);
  } catch (std::exception const&) {
    drop();  // what is left undone ends with the session
  }
}

namespace {
/// Values as PostgreSQL takes them. What came from outside (a program's output, a text that was
/// cut) may hold bytes that are no UTF-8, and a whole statement would be refused for one of them.
class CleanValues {
 public:
  CleanValues(int count, char const* const* values) : values_{values} {
    for (int i = 0; i < count; ++i) {
      if (!values[i] || utf8::is_clean(values[i])) continue;
      if (copy_.empty()) copy_.assign(values, values + count);
      copy_[std::size_t(i)] = cleaned_.emplace_back(utf8::cleaned(values[i])).c_str();
    }
  }
  char const* const* get() const { return copy_.empty() ? values_ : copy_.data(); }

 private:
  char const* const* values_;
  std::vector<char const*> copy_;
  std::deque<std::string> cleaned_;
};
}  // namespace

Result Connection::run(Statement const& statement, int count, char const* const* values) {
  auto* const connection = raw();
  CleanValues const clean{count, values};
  // Without a name it is not prepared: PostgreSQL plans each run for the values that it gets.
  if (statement.name.empty())
    return answer(PQsendQueryParams(connection, statement.sql.c_str(), count, nullptr, clean.get(),
                                    nullptr, nullptr, 0),
                  "unnamed");
  prepare(statement);
  return answer(PQsendQueryPrepared(connection, statement.name.c_str(), count, clean.get(), nullptr,
                                    nullptr, 0),
                statement.name);
}

void Connection::prepare(Statement const& statement) {
  if (auto const known = place_of_prepared_.find(statement.name);
      known != place_of_prepared_.end()) {
    prepared_.splice(prepared_.begin(), prepared_, known->second);
    return;
  }
  answer(PQsendPrepare(connection_, statement.name.c_str(), statement.sql.c_str(), 0, nullptr),
         statement.name);
  prepared_.push_front(statement.name);
  place_of_prepared_[prepared_.front()] = prepared_.begin();
  if (prepared_.size() <= most_prepared) return;
  // In a transaction that has failed it would be refused; the statement itself has just worked.
  auto const let_go = "DEALLOCATE \"" + prepared_.back() + '"';
  place_of_prepared_.erase(prepared_.back());
  prepared_.pop_back();
  answer(PQsendQuery(connection_, let_go.c_str()), "deallocate");
}

void Connection::begin_copy(std::string const& sql) {
  answer(PQsendQuery(raw(), sql.c_str()), "copy");
}

void Connection::end_copy(std::string_view rows) {
  auto const until_taken = [this](auto&& put) {
    int taken = put();
    for (; taken == 0; taken = put()) wait(POLLOUT, "copy");
    return taken;
  };
  // Piece by piece: libpq would keep a copy of everything that PostgreSQL has not taken yet.
  int sent = 1;
  for (std::size_t at = 0; at < rows.size() && sent == 1; at += piece_of_copy) {
    auto const piece = rows.substr(at, piece_of_copy);
    sent = until_taken([&] { return PQputCopyData(connection_, piece.data(), int(piece.size())); });
  }
  if (sent == 1) sent = until_taken([&] { return PQputCopyEnd(connection_, nullptr); });
  answer(sent == 1, "copy");
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

void Parameter::set_json(types::Type const& type, void const* value) {
  json::write(text_, type, value);
}

namespace {
template <class N>
N number_from(std::string_view text, char const* what) {
  N out{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::logic_error{"not " + std::string{what} + " in the database: " + std::string{text}};
  return out;
}

Time time_from(std::string_view text) {
  auto const time = clock_source::parse(text);
  if (!time) throw std::logic_error{"not a time in the database: " + std::string{text}};
  return *time;
}
}  // namespace

void read_value(std::string_view text, types::Type const& type, void* out) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
      return read_value(text, *type.inner, type.emplace(out));
    case Form::list:
      type.clear(out);
      for (auto const& item : read_array(text)) read_value(item, *type.inner, type.append(out));
      return;
    case Form::text:
      *static_cast<std::string*>(out) = text;
      return;
    case Form::raw_json:
      static_cast<RawJson*>(out)->text = text;
      return;
    case Form::boolean:
      *static_cast<bool*>(out) = text == "t";
      return;
    case Form::id:
      *static_cast<std::int64_t*>(out) = number_from<std::int64_t>(text, "an id");
      return;
    case Form::time:
      *static_cast<Time*>(out) = time_from(text);
      return;
    case Form::enumeration:
      if (!types::set_label(type, out, text))
        throw std::logic_error{"unknown enum value in the database: " + std::string{text}};
      return;
    case Form::integer:
      return types::set_integer(type, out, number_from<std::int64_t>(text, "an integer"));
    case Form::number:
      return types::set_number(type, out, number_from<double>(text, "a number"));
    case Form::object: {
      json::Errors errors;
      json::decode_object(json::parse(text), type, out, "", errors, true);
      return json::refuse(std::move(errors));
    }
    case Form::text_view:
    case Form::text_map:
      throw std::logic_error{"no column can be read into this type"};
  }
}

Columns::Columns(PGresult const* result, types::Type const& type, std::string_view query)
    : result_{result}, type_{type} {
  if (type.form == types::Form::object) places_ = find(type, {}, query);
}

constexpr Oid type_of_jsonb = 3802;  // pg_type.dat

std::vector<Columns::Place> Columns::find(types::Type const& type, std::string const& prefix,
                                          std::string_view query) const {
  std::vector<Place> places;
  places.reserve(type.members().size());
  for (auto const& member : type.members()) {
    auto& place = places.emplace_back();
    auto const name = prefix + std::string{member.name};
    if (auto const& inner = member.type->when_set(); inner.form == types::Form::object) {
      auto const column = PQfnumber(result_, ('"' + name + '"').c_str());
      if (column >= 0 && PQftype(result_, column) == type_of_jsonb)
        place.column = column;
      else
        place.parts = find(inner, name + ".", query);
      continue;
    }
    // Most statements name their columns in the order of the members.
    int const here = int(places.size()) - 1;
    auto const* const there = prefix.empty() ? PQfname(result_, here) : nullptr;
    place.column = there && name == there ? here : PQfnumber(result_, ('"' + name + '"').c_str());
    if (place.column < 0) throw std::logic_error{std::string{query} + " gives no column " + name};
  }
  return places;
}

std::optional<std::string_view> Columns::cell(int row, int column) const {
  auto const length = std::size_t(PQgetlength(result_, row, column));
  if (length == 0 && PQgetisnull(result_, row, column)) return {};
  return std::string_view{PQgetvalue(result_, row, column), length};
}

void Columns::read(int row, void* out) const {
  if (type_.form == types::Form::object) return read_object(row, places_, type_, out);
  if (auto const text = cell(row, 0)) read_value(*text, type_, out);
}

void Columns::read_object(int row, std::vector<Place> const& places, types::Type const& type,
                          void* out) const {
  auto place = places.begin();
  for (auto const& member : type.members()) {
    auto const& here = *place++;
    auto const text = cell(row, here.first());
    if (here.parts.empty()) {
      if (text) read_value(*text, *member.type, member.of(out));
    } else if (text || !member.is_optional()) {
      auto* const object =
          member.is_optional() ? member.type->emplace(member.of(out)) : member.of(out);
      read_object(row, here.parts, member.type->when_set(), object);
    }
  }
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
  connection_.run_quietly("ROLLBACK");
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
  auto const result = [&] {
    try {
      return connection_.run(commit_transaction, 0, nullptr);
    } catch (Lost const& lost) {  // committed or not: nobody knows, so nobody tries again
      throw Unavailable{lost.what()};
    }
  }();
  // COMMIT of a failed transaction answers "ROLLBACK" without an error.
  if (std::strcmp(PQcmdStatus(result.get()), "COMMIT") != 0)
    throw Failure{"the transaction was rolled back", "40000", ""};
}

Result Tx::result_of(Statement const& statement, std::span<char const* const> values) {
  begin();
  return connection_.run(statement, int(values.size()), values.data());
}

void Tx::copy_in(std::string const& copy_statement, std::string_view rows) {
  begin();
  connection_.begin_copy(copy_statement);
  connection_.end_copy(rows);
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
