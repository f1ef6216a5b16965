// A session of PostgreSQL: libpq, spoken to from one place. Statements are prepared on first use,
// and nobody waits longer than his patience.
#include <poll.h>

#include <deque>

#include "platform/db/db.hpp"
#include "platform/db/shortage.hpp"
#include "platform/log/log.hpp"
#include "platform/text/utf8.hpp"

namespace db {

namespace {
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
}  // namespace

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
  // Compiling a statement takes PostgreSQL longer than all that ours have to do.
  auto const options = fmt::format(
      "-c TimeZone=UTC -c DateStyle=ISO -c client_min_messages=warning -c enable_memoize=off "
      "-c jit=off "
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

}  // namespace db
