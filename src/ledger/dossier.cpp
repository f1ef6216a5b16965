// What should stand of documents is compared with what stands; only differences are written.
#include "ledger/dossier.hpp"

#include <algorithm>
#include <set>

#include "ledger/books.hpp"
#include "ledger/shelf.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

db::Query const undo_entries{"ledger.undo_entries", R"sql(
  INSERT INTO book_entries (customer_id, document, part, book, kind, currency, at, amount,
                            service_start, service_end, reverses, event_id, run_id, believed_at,
                            undoes)
  SELECT customer_id, document, part, book, kind, currency, at, -amount, service_start, service_end,
         reverses, r.event_id, r.id, r.believed_at, e.id
    FROM book_entries AS e, ledger_runs AS r WHERE e.id = ANY ($1::bigint[]) AND r.id = $2
   ORDER BY e.id
)sql"};
db::Query const insert_entries{"ledger.insert_entries", R"sql(
  INSERT INTO book_entries (customer_id, document, part, book, kind, currency, at, amount,
                            service_start, service_end, reverses, event_id, run_id, believed_at)
  SELECT customer_id, document, part, book, kind, currency, at, amount, service_start, service_end,
         reverses, r.event_id, r.id, r.believed_at
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::timestamptz[], $9::bigint[], $10::timestamptz[], $11::timestamptz[],
                $12::text[])
           AS e (customer_id, document, part, book, kind, currency, at, amount, service_start,
                 service_end, reverses),
         ledger_runs AS r WHERE r.id = $1
)sql"};

retention::Kept const kept_entries{"book_entries",
                                   "the books: cash, receivables and revenue are their sums"};

/// Rows to be inserted, by columns.
struct Rows {
  std::vector<std::int64_t> customers, amounts;
  std::vector<std::string> documents, parts, currencies;
  std::vector<Book> books;
  std::vector<Kind> kinds;
  std::vector<Time> instants;
  std::vector<std::optional<Time>> starts, ends;
  std::vector<std::optional<std::string>> lines;

  void add(Shelf::Document const& document, Entry const& entry) {
    customers.push_back(document.customer_id);
    documents.push_back(document.id);
    parts.push_back(entry.part);
    books.push_back(entry.book);
    kinds.push_back(entry.kind);
    currencies.push_back(entry.currency);
    instants.push_back(entry.at);
    amounts.push_back(entry.amount);
    starts.push_back(entry.service_start);
    ends.push_back(entry.service_end);
    lines.push_back(entry.reverses);
  }
  void insert(db::Tx& tx, Run& run) const {
    tx.exec(insert_entries, run.id(tx), customers, documents, parts, books, kinds, currencies,
            instants, amounts, starts, ends, lines);
  }
};
/// So many at a time: a statement is over soon, however much there is.
constexpr std::size_t most_inserted = 2000;

/// How documents differ from what should stand of them, until it is written.
class Changes {
 public:
  explicit Changes(Shelf const& shelf) : shelf_{shelf} {}

  void look_at(Shelf::Document const& document) {
    if (!seen_.insert(document.id).second) return;
    auto const& standing = shelf_.standing(document.id);
    std::vector<bool> stays(standing.size());
    std::vector<Entry> missing;
    for (auto& entry : shelf_.wanted(document)) {
      std::size_t place = 0;
      while (place < standing.size() && (stays[place] || standing[place].entry() != entry)) ++place;
      if (place < standing.size())
        stays[place] = true;
      else
        missing.push_back(std::move(entry));
    }
    for (std::size_t i = 0; i < standing.size(); ++i) {
      if (stays[i]) continue;
      wrong_.push_back(standing[i].id);
      tell(document, standing[i].entry(), money::subtract(0, standing[i].amount));
    }
    for (auto const& entry : missing) {
      if (rows_.empty() || rows_.back().documents.size() == most_inserted) rows_.emplace_back();
      rows_.back().add(document, entry);
      tell(document, entry, entry.amount);
    }
    for (auto const& item : shelf_.items_on(document.id)) look_at({item, document.customer_id});
  }

  std::vector<Difference> write(db::Tx& tx, Run& run) {
    if (!wrong_.empty()) tx.exec(undo_entries, wrong_, run.id(tx));
    for (auto const& some : rows_) some.insert(tx, run);
    return std::move(differences_);
  }

 private:
  void tell(Shelf::Document const& document, Entry const& entry, std::int64_t amount) {
    differences_.push_back({document.customer_id, entry.currency,
                            document.id + " " + std::string{name_of(entry.book)} + " " +
                                std::string{name_of(entry.kind)},
                            clock_source::rfc3339(entry.at).substr(0, 10), amount});
  }

  Shelf const& shelf_;
  std::set<std::string> seen_;
  std::vector<std::int64_t> wrong_;
  std::vector<Rows> rows_;
  std::vector<Difference> differences_;
};

void follow(db::Tx& tx, CustomerId customer, Shelf const& shelf, std::string_view document,
            std::optional<std::string> const& event_id) {
  Run run{Reason::event, event_id};
  Changes changes{shelf};
  changes.look_at({std::string{document}, customer.value});
  changes.write(tx, run);
}
}  // namespace

void follow_charge(db::Tx& tx, CustomerId customer, std::string_view charge_id,
                   std::optional<std::string> const& event_id) {
  lock(tx, customer);
  follow(tx, customer, Shelf::of_document(tx, customer, charge_id), charge_id, event_id);
}

void follow_invoice(db::Tx& tx, CustomerId customer, std::string_view invoice_id,
                    std::optional<std::string> const& event_id) {
  lock(tx, customer);
  follow(tx, customer, Shelf::of_document(tx, customer, invoice_id), invoice_id, event_id);
}

void follow_invoice_item(db::Tx& tx, CustomerId customer, std::string_view item_id,
                         std::optional<std::string> const& event_id) {
  lock(tx, customer);
  follow(tx, customer, Shelf::of_item(tx, item_id), item_id, event_id);
}

std::vector<Difference> settle_documents(db::Tx& tx, Run& run,
                                         std::vector<std::int64_t> const& customers) {
  auto const shelf = Shelf::of_customers(tx, customers);
  Changes changes{shelf};
  for (auto const& document : shelf.documents()) changes.look_at(document);
  return changes.write(tx, run);
}

std::optional<Time> lost_at(db::Tx& tx, stripe::Object const& dispute) {
  auto const ends = ends_of(tx, {stripe::text(dispute, "id")});
  return dispute_of(dispute, ends.empty() ? std::nullopt : std::optional{ends.begin()->second})
      .lost_at;
}

}  // namespace ledger
