// Which queries there are, and transactions.
#include "platform/db/db.hpp"

#include <cstring>

namespace db {

namespace {
std::mutex registry_mutex;
std::vector<Query const*>& registry() {
  static std::vector<Query const*> queries;
  return queries;
}

Query const begin_transaction{"begin", "BEGIN"};
// Not by SET TRANSACTION: whatever runs between that and BEGIN has taken its snapshot already.
Query const begin_snapshot{"begin_snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
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
  connection_.run(mode_ == Mode::snapshot ? begin_snapshot : begin_transaction, 0, nullptr);
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

}  // namespace db
