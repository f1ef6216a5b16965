#pragma once
// PostgreSQL over libpq: one connection per worker thread, named queries, transactions that roll
// back by themselves. Blocking on purpose: it reads top to bottom. But nobody waits for ever: each
// round trip ends within the connection's patience.
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <unordered_map>

#include "platform/clock/clock.hpp"
#include "platform/db/pulse.hpp"
#include "platform/types/type.hpp"

namespace db {

/// An SQL text that is prepared under a name, once a session; without a name it is planned at each
/// run. A name has at most 63 bytes.
struct Statement {
  std::string name, sql;
};

/// One SQL statement beside the verb that uses it. The name shows in errors and slow-query logs;
/// tests/contract prepares every query of the program on the migrated schema.
struct Query : Statement {
  Query(std::string name, std::string sql);
  ~Query();
  Query(Query const&) = delete;
  Query& operator=(Query const&) = delete;

  /// Every query that is alive, for the test that prepares them all.
  static std::vector<Query const*> all();
};

/// PostgreSQL cannot be reached or is shutting down: becomes 503 with Retry-After.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A connection broke that had worked before, and nothing was committed on it: PostgreSQL may be
/// there again, so the same work is worth a second try at once.
struct Lost : Unavailable {
  using Unavailable::Unavailable;
};

/// PostgreSQL is there but cannot do it now: a full disk, no memory, a lock that took too long.
struct Busy : Unavailable {
  using Unavailable::Unavailable;
};

/// PostgreSQL refused a statement.
struct Failure : std::runtime_error {
  Failure(std::string const& message, std::string sqlstate, std::string constraint)
      : std::runtime_error{message},
        sqlstate{std::move(sqlstate)},
        constraint{std::move(constraint)} {}
  std::string sqlstate, constraint;

  bool is_unique_violation() const { return sqlstate == "23505"; }
  /// Serialisation failure or deadlock: the whole transaction may be tried again.
  bool is_retryable() const { return sqlstate == "40001" || sqlstate == "40P01"; }
};

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultDeleter>;

/// How long a statement may wait for a lock and how long it may take: PostgreSQL ends it then, and
/// stays usable. And how long we listen to nothing before we ask whether PostgreSQL is there at
/// all.
struct Patience {
  Milliseconds lock, statement, silence;

  /// Somebody waits for an answer: less than three seconds are left for "come again".
  static constexpr Patience request() {
    return {Milliseconds{3'000}, Milliseconds{20'000}, Milliseconds{1'000}};
  }
  static constexpr Patience usual() {
    return {Milliseconds{20'000}, Milliseconds{60'000}, Milliseconds{2'000}};
  }
  /// Work that nobody waits for: sums over everything, new indexes.
  static constexpr Patience long_work() {
    return {Milliseconds{20'000}, Milliseconds{3'600'000}, Milliseconds{5'000}};
  }
};

/// A prepared statement costs a session some 50 to 110 kB, and they are never let go by themselves.
inline constexpr std::size_t most_prepared = 120;

/// Connects on first use and again after a loss. Not for sharing between threads, but for end_by().
class Connection {
 public:
  explicit Connection(std::string url, std::string application_name = "onboarding",
                      Patience patience = Patience::usual());
  ~Connection();
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  /// The live connection; throws Unavailable when PostgreSQL cannot be reached.
  PGconn* raw();
  /// Runs text without parameters (several statements allowed): migrations, LISTEN.
  Result execute(std::string const& sql);
  void drop();
  /// From any thread: whatever waits on this connection at that time gives up, and so does whatever
  /// begins later, until another time is set. Patience counts on top of it.
  void end_by(std::chrono::steady_clock::time_point time) {
    end_by_ = time.time_since_epoch().count();
  }
  void never_end() { end_by_ = std::numeric_limits<std::int64_t>::max(); }
  /// Counts connections: what belongs to a session (locks) is gone when this has changed.
  [[nodiscard]] int generation() const { return generation_; }
  /// While something is held by the session, its loss is never passed over with a second try.
  void holds(int more) { held_ += more; }
  /// Before new work begins: a connection that was lost while it was idle is given up, so that the
  /// work gets a new one instead of an error. Never in the middle of work: session locks would go.
  void drop_if_hung_up();

 private:
  friend class Tx;
  Result run(Statement const& statement, int count, char const* const* values);
  void prepare(Statement const& statement);
  /// Runs text in a session that is there, without throwing: the end of what has failed already.
  void run_quietly(char const* sql) noexcept;
  void begin_copy(std::string const& sql);
  void end_copy(std::string_view rows);
  Result answer(int sent, std::string_view name);
  Result checked(Result result, std::string_view name);
  void wait(short events, std::string_view name);
  void give_up(std::string const& why, std::string_view name);

  std::string url_, application_name_;
  Patience patience_;
  std::shared_ptr<Pulse> pulse_;
  PGconn* connection_ = nullptr;
  int held_ = 0;
  int generation_ = 0;  // so that a transaction notices that its own connection was lost
  std::atomic<std::int64_t> end_by_ = std::numeric_limits<std::int64_t>::max();
  /// What this session has prepared, the one used last in front.
  std::list<std::string> prepared_;
  std::unordered_map<std::string_view, std::list<std::string>::iterator> place_of_prepared_;
};

/// Turns a C++ value into the text that PostgreSQL reads. An empty optional is NULL.
class Parameter {
 public:
  template <class T>
  explicit Parameter(T const& value) {
    set(value);
  }
  char const* text() const { return is_null_ ? nullptr : pointer_ ? pointer_ : text_.c_str(); }

 private:
  void set(std::nullopt_t) { is_null_ = true; }
  void set(std::string const& value) { pointer_ = value.c_str(); }
  void set(char const* value) { pointer_ = value; }
  void set(std::string_view value) { text_ = value; }
  void set(bool value) { pointer_ = value ? "t" : "f"; }
  void set(RawJson const& value) { pointer_ = value.text.c_str(); }
  void set(Time value) { clock_text(value); }
  template <class N>
  requires std::is_arithmetic_v<N>
  void set(N value) { text_ = std::to_string(value); }
  template <NamedEnum E>
  void set(E value) {
    text_ = name_of(value);
  }
  template <FixedString P>
  void set(Id<P> value) {
    text_ = std::to_string(value.value);
  }
  template <class T>
  void set(std::optional<T> const& value) {
    if (value)
      set(*value);
    else
      is_null_ = true;
  }
  template <class T>
  void set(std::vector<T> const& values) {
    text_ = "{";
    for (auto const& value : values) {
      if (text_.size() > 1) text_ += ',';
      append_array_item(Parameter{value});
    }
    text_ += '}';
  }
  /// An object is the text of a jsonb column.
  template <Described T>
  void set(T const& value) {
    set_json(types::type_of<T>, &value);
  }
  void append_array_item(Parameter const& item);
  void clock_text(Time value);
  void set_json(types::Type const& type, void const* value);

  std::string text_;
  char const* pointer_ = nullptr;
  bool is_null_ = false;
};

/// PostgreSQL's text of one value into the value of that type which lies at `out`. Throws
/// logic_error when it does not fit.
void read_value(std::string_view text, types::Type const& type, void* out);
std::vector<std::string> read_array(std::string_view text);

/// Which columns of a result the members of a type are, found by name; of a type without members
/// the first one.
/// A member that is an object is one column of jsonb, or its columns are called "member.part"; it
/// is left out when it is optional and the first of them is NULL.
class Columns {
 public:
  Columns(PGresult const* result, types::Type const& type, std::string_view query);
  /// One row into the value that lies at `out`. NULL leaves what is there.
  void read(int row, void* out) const;

  /// The text of a cell; none: NULL.
  [[nodiscard]] std::optional<std::string_view> cell(int row, int column) const;
  /// For each member its column, or those of its parts.
  struct Place {
    int column = -1;
    std::vector<Place> parts{};
    [[nodiscard]] int first() const { return parts.empty() ? column : parts.front().first(); }
  };
  [[nodiscard]] std::vector<Place> const& places() const { return places_; }

 private:
  std::vector<Place> find(types::Type const& type, std::string const& prefix,
                          std::string_view query) const;
  void read_object(int row, std::vector<Place> const& places, types::Type const& type,
                   void* out) const;

  PGresult const* result_;
  types::Type const& type_;
  std::vector<Place> places_;
};

enum class Mode {
  read_write,  // BEGIN before the first statement, COMMIT by commit()
  autocommit,  // each statement stands alone: reads
  snapshot,    // all reads see the database as the first one did; nothing can be written
};

/// One transaction. Not committed means rolled back, whatever the reason.
class Tx {
 public:
  explicit Tx(Connection& connection, Mode mode = Mode::read_write)
      : connection_{connection}, mode_{mode} {}
  ~Tx();
  Tx(Tx const&) = delete;
  Tx& operator=(Tx const&) = delete;

  void commit();

  /// Runs a statement; returns the number of rows it touched.
  template <class... A>
  std::int64_t exec(Query const& query, A const&... arguments) {
    auto const result = run(query, arguments...);
    std::int64_t touched = 0;
    if (auto const* text = PQcmdTuples(result.get()); *text)
      read_value(text, types::type_of<std::int64_t>, &touched);
    return touched;
  }
  /// All rows; T is a described type (columns found by name) or a single column's type.
  template <class T, class... A>
  std::vector<T> all(Query const& query, A const&... arguments) {
    auto const result = run(query, arguments...);
    int const count = PQntuples(result.get());
    std::vector<T> rows;
    rows.reserve(std::size_t(count));
    Columns const columns{result.get(), types::type_of<T>, query.name};
    for (int i = 0; i < count; ++i) columns.read(i, &rows.emplace_back());
    return rows;
  }
  template <class T, class... A>
  std::optional<T> maybe(Query const& query, A const&... arguments) {
    auto const result = run(query, arguments...);
    if (PQntuples(result.get()) == 0) return {};
    T row{};
    Columns{result.get(), types::type_of<T>, query.name}.read(0, &row);
    return row;
  }
  /// Exactly one row is expected; logic_error when there is none.
  template <class T, class... A>
  T one(Query const& query, A const&... arguments) {
    auto row = maybe<T>(query, arguments...);
    if (!row) throw std::logic_error{"no row from " + query.name};
    return std::move(*row);
  }
  /// What a statement gives, unread; values are PostgreSQL's text, nullptr is NULL.
  Result result_of(Statement const& statement, std::span<char const* const> values);
  /// COPY … FROM STDIN in text format; `rows` are complete lines (see copy_line).
  void copy_in(std::string const& copy_statement, std::string_view rows);

  Connection& connection() { return connection_; }

 private:
  void begin();
  template <class... A>
  Result run(Query const& query, A const&... arguments) {
    begin();
    if constexpr (sizeof...(A) == 0) {
      return connection_.run(query, 0, nullptr);
    } else {
      Parameter const parameters[]{Parameter{arguments}...};
      char const* values[sizeof...(A)];
      for (std::size_t i = 0; i < sizeof...(A); ++i) values[i] = parameters[i].text();
      return connection_.run(query, int(sizeof...(A)), values);
    }
  }
  Connection& connection_;
  Mode mode_;
  bool open_ = false;
  int generation_ = 0;
};

/// Appends one COPY line (tab-separated, escaped, newline).
template <class... A>
void copy_line(std::string& out, A const&... values);
void copy_value(std::string& out, char const* text_or_null);
template <class... A>
void copy_line(std::string& out, A const&... values) {
  bool first = true;
  ((out += first ? "" : "\t", first = false, copy_value(out, Parameter{values}.text())), ...);
  out += '\n';
}

/// Runs `work(tx)` and commits; repeats it when PostgreSQL reports a deadlock or a serialisation
/// failure (at most five times), and once when the connection broke before the commit.
template <class Work>
auto transact(Connection& connection, Work&& work) {
  for (int attempt = 1;; ++attempt) {
    try {
      Tx tx{connection};
      if constexpr (std::is_void_v<decltype(work(tx))>) {
        work(tx);
        tx.commit();
        return;
      } else {
        auto result = work(tx);
        tx.commit();
        return result;
      }
    } catch (Failure const& failure) {
      if (!failure.is_retryable() || attempt == 5) throw;
    } catch (Lost const&) {
      if (attempt > 1) throw;
    }
  }
}

}  // namespace db
