// Movements of customers' own balances. Nobody lists them all: they are read when a balance is not
// what those that are known add up to, and when an event says that it has moved.
#include "billing/applying.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const insert_movement{"billing.keep_balance_transaction", R"sql(
  INSERT INTO billing_balance_transactions AS t
         (stripe_balance_transaction_id, customer_id, type, amount, ending_balance, currency,
          stripe_invoice_id, stripe_credit_note_id, description, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), nullif($8, ''), $9, $10)
  ON CONFLICT (stripe_balance_transaction_id) DO UPDATE SET
         stripe_invoice_id = coalesce(excluded.stripe_invoice_id, t.stripe_invoice_id),
         stripe_credit_note_id = coalesce(excluded.stripe_credit_note_id, t.stripe_credit_note_id),
         description = excluded.description
)sql"};
db::Query const known_sum{"billing.known_balance", R"sql(
  SELECT coalesce(sum(t.amount), 0)::bigint
    FROM billing_balance_transactions t JOIN customers c ON c.id = t.customer_id
   WHERE c.stripe_customer_id = $1
)sql"};
db::Query const known_movements{"billing.known_balance_transactions", R"sql(
  SELECT count(*) FROM billing_balance_transactions
   WHERE stripe_balance_transaction_id = ANY ($1::text[])
)sql"};

std::int64_t known_balance(db::Tx& tx, std::string const& customer) {
  return tx.one<std::int64_t>(known_sum, customer);
}

std::string list_of(std::string const& customer) {
  return "/v1/customers/" + customer + "/balance_transactions";
}

/// Newest first, until a page has nothing new.
void read_movements(Asking const& asking, std::string const& customer, Reading& reading) {
  read_pages(asking.client, list_of(customer), {}, [&](boost::json::array& page) {
    std::vector<std::string> ids;
    for (auto& entry : page) {
      ids.push_back(stripe::text(entry.as_object(), "id"));
      reading.beside.push_back(std::move(entry.as_object()));
    }
    db::Tx tx{asking.connection, db::Mode::autocommit};
    return tx.one<std::int64_t>(known_movements, ids) < std::int64_t(ids.size());
  });
}

retention::Kept const kept_movements{"billing_balance_transactions",
                                     "the books: what customers have as credit"};
}  // namespace

void read_balance(Asking const& asking, Reading& reading) {
  auto const& customer = reading.object;
  if (stripe::boolean(customer, "deleted")) return;
  auto const id = stripe::text(customer, "id");
  auto const [is_ours, known] = [&] {
    db::Tx tx{asking.connection, db::Mode::autocommit};
    return std::pair{customers::find_by_stripe_id(tx, id).has_value(), known_balance(tx, id)};
  }();
  if (is_ours &&
      (asking.before.contains("balance") || known != stripe::integer(customer, "balance")))
    read_movements(asking, id, reading);
}

void read_balance_of_invoice(Asking const& asking, Reading& reading) {
  auto const& invoice = reading.object;
  auto const ending = number(invoice, "ending_balance");
  bool const has_moved = ending && *ending != stripe::integer(invoice, "starting_balance");
  auto const customer = stripe::id_of(invoice, "customer");
  if (!has_moved || customer.empty()) return;
  read_pages(asking.client, list_of(customer), {{"invoice", stripe::text(invoice, "id")}},
             [&](boost::json::array& page) {
               for (auto& entry : page) reading.beside.push_back(std::move(entry.as_object()));
               return true;
             });
}

void compare_balance(db::Tx& tx, stripe::Object const& theirs, stripe::Object& members) {
  auto const known = known_balance(tx, stripe::text(theirs, "id"));
  auto const balance = stripe::integer(theirs, "balance");
  if (known != balance) members["balance_transactions"] = boost::json::array{known, balance};
}

void keep_balance_transactions(db::Tx& tx, customers::CustomerId customer,
                               std::vector<stripe::Object> const& transactions, Time asked_at) {
  for (auto const& movement : transactions) {
    auto const invoice = stripe::id_of(movement, "invoice");
    mirror::keep(tx, movement, asked_at, {customer, invoice});
    tx.exec(insert_movement, stripe::text(movement, "id"), customer, stripe::text(movement, "type"),
            stripe::integer(movement, "amount"), stripe::integer(movement, "ending_balance"),
            stripe::text(movement, "currency"), invoice, stripe::id_of(movement, "credit_note"),
            or_null(stripe::text(movement, "description")),
            stripe::time(movement, "created").value_or(asked_at));
  }
}

}  // namespace billing
