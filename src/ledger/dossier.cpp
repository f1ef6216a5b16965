// From the mirror to the book of entries: what should stand is compared with what stands, a
// document at a time.
#include "ledger/dossier.hpp"

#include <algorithm>

#include "ledger/books.hpp"
#include "ledger/entries.hpp"
#include "mirror/mirror.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

struct Standing {
  std::int64_t id;
  std::string part;
  Book book;
  Kind kind;
  std::string currency;
  Time at;
  std::int64_t amount;
  std::optional<Time> service_start, service_end;
  std::optional<std::string> reverses;

  [[nodiscard]] Entry entry() const {
    return {part, book, kind, currency, at, amount, service_start, service_end, reverses};
  }
};
db::Query const standing_entries{"ledger.standing_entries", R"sql(
  SELECT id, part, book, kind, currency, at, amount, service_start, service_end, reverses
    FROM book_entries AS e
   WHERE document = $1 AND undoes IS NULL
     AND NOT EXISTS (SELECT FROM book_entries AS u WHERE u.undoes = e.id)
   ORDER BY id
)sql"};
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
  SELECT $1, $2, part, book, kind, currency, at, amount, service_start, service_end, reverses,
         r.event_id, r.id, r.believed_at
    FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::bigint[],
                $10::timestamptz[], $11::timestamptz[], $12::text[])
           AS e (part, book, kind, currency, at, amount, service_start, service_end, reverses),
         ledger_runs AS r WHERE r.id = $3
)sql"};

db::Query const first_failure{"ledger.first_failure", R"sql(
  SELECT min(created) FROM stripe_events
   WHERE object_id = $1 AND type = 'invoice.payment_failed' AND state <> 'foreign'
)sql"};

// When refunds failed and disputes were lost, their objects do not say.
struct Told {
  std::string object_id, payload;
  Time created;
};
db::Query const told_ends{"ledger.told_ends", R"sql(
  SELECT object_id, payload, created FROM stripe_events
   WHERE object_id = ANY ($1::text[]) AND state <> 'foreign'
     AND type IN ('refund.failed', 'refund.updated', 'charge.refund.updated',
                  'charge.dispute.closed', 'charge.dispute.updated')
   ORDER BY created
)sql"};

// An item is rarely told where it went, its invoice always where it came from.
db::Query const invoices_with_item{"ledger.invoices_with_item", R"sql(
  SELECT id FROM stripe_objects
   WHERE customer_id = $1 AND kind = 'invoice' AND strpos(state::text, '"' || $2 || '"') > 0
   ORDER BY id
)sql"};
db::Query const deleted_since{"ledger.deleted_since", R"sql(
  SELECT date_trunc('second', deleted_at) FROM stripe_objects
   WHERE id = $1 AND deleted_at IS NOT NULL
)sql"};

struct Document {
  std::string id, kind;
};
db::Query const documents_of_customer{"ledger.documents_of_customer", R"sql(
  SELECT id, kind FROM stripe_objects
   WHERE customer_id = $1 AND (kind IN ('invoice', 'invoiceitem')
                               OR kind = 'charge' AND belongs_to IS NULL)
  UNION
  SELECT document, coalesce(o.kind, CASE WHEN b.kind = 'proration' THEN 'invoiceitem'
                                         ELSE 'invoice' END)
    FROM book_entries AS b LEFT JOIN stripe_objects AS o ON o.id = document
   WHERE b.customer_id = $1
   ORDER BY id
)sql"};

struct Payment {
  std::string state, belongs_to;
};
db::Query const find_charge{"ledger.find_charge", R"sql(
  SELECT state, coalesce(belongs_to, '') AS belongs_to FROM stripe_objects
   WHERE id = $1 AND kind = 'charge'
)sql"};
db::Query const objects_of_charge{"ledger.objects_of_charge", R"sql(
  SELECT state FROM stripe_objects
   WHERE customer_id = $1 AND kind = $2 AND state ->> 'charge' = $3 ORDER BY id
)sql"};

retention::Kept const kept_entries{"book_entries",
                                   "the books: cash, receivables and revenue are their sums"};

/// What is in the way of an entry that should stand, and what is missing.
struct Change {
  std::vector<Standing> wrong;
  std::vector<Entry> missing;
};
Change change_of(std::vector<Standing> standing, std::vector<Entry> wanted) {
  std::erase_if(wanted, [&](Entry const& entry) {
    auto const same = std::ranges::find(standing, entry, &Standing::entry);
    if (same == standing.end()) return false;
    standing.erase(same);
    return true;
  });
  return {std::move(standing), std::move(wanted)};
}

void undo(db::Tx& tx, Run& run, std::vector<Standing> const& wrong) {
  if (wrong.empty()) return;
  std::vector<std::int64_t> ids;
  for (auto const& entry : wrong) ids.push_back(entry.id);
  tx.exec(undo_entries, ids, run.id(tx));
}

void insert(db::Tx& tx, Run& run, CustomerId customer, std::string const& document,
            std::vector<Entry> const& entries) {
  if (entries.empty()) return;
  std::vector<std::string> parts, currencies;
  std::vector<Book> books;
  std::vector<Kind> kinds;
  std::vector<Time> instants;
  std::vector<std::int64_t> amounts;
  std::vector<std::optional<Time>> starts, ends;
  std::vector<std::optional<std::string>> lines;
  for (auto const& entry : entries) {
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
  tx.exec(insert_entries, customer, document, run.id(tx), parts, books, kinds, currencies, instants,
          amounts, starts, ends, lines);
}

Difference difference_of(CustomerId customer, std::string const& document, Entry const& entry,
                         std::int64_t amount) {
  return {
      customer.value, entry.currency,
      document + " " + std::string{name_of(entry.book)} + " " + std::string{name_of(entry.kind)},
      clock_source::rfc3339(entry.at).substr(0, 10), amount};
}

/// Writes how what stands of a document differs from what should.
std::vector<Difference> bring(db::Tx& tx, Run& run, CustomerId customer,
                              std::string const& document, std::vector<Entry> wanted) {
  auto const change = change_of(tx.all<Standing>(standing_entries, document), std::move(wanted));
  undo(tx, run, change.wrong);
  insert(tx, run, customer, document, change.missing);
  std::vector<Difference> out;
  for (auto const& wrong : change.wrong)
    out.push_back(difference_of(customer, document, wrong.entry(), -wrong.amount));
  for (auto const& entry : change.missing)
    out.push_back(difference_of(customer, document, entry, entry.amount));
  return out;
}

std::vector<std::string> ids_of(
    std::initializer_list<std::vector<stripe::Object> const*> const& lists) {
  std::vector<std::string> out;
  for (auto const* objects : lists)
    for (auto const& object : *objects) out.push_back(stripe::text(object, "id"));
  return out;
}

std::optional<Time> end_in(std::map<std::string, Time> const& ends, stripe::Object const& object) {
  auto const found = ends.find(stripe::text(object, "id"));
  return found == ends.end() ? std::nullopt : std::optional{found->second};
}

/// When each of these failed or was lost.
std::map<std::string, Time> ends_of(db::Tx& tx, std::vector<std::string> const& ids) {
  std::map<std::string, Time> out;
  if (ids.empty()) return out;
  for (auto const& told : tx.all<Told>(told_ends, ids)) {
    auto const status = stripe::text(stripe::parse(told.payload), "data.object.status");
    if (status == "failed" || status == "canceled" || status == "lost")
      out.emplace(told.object_id, told.created);
  }
  return out;
}

std::optional<Time> first_failure_of(db::Tx& tx, std::string_view invoice_id) {
  auto first = tx.one<std::optional<Time>>(first_failure, invoice_id);
  for (auto const& charge : mirror::belonging_to(tx, invoice_id, "charge"))
    if (auto const at = stripe::time(charge, "created"); at && has_failed(charge))
      first = std::min(first.value_or(*at), *at);
  return first;
}

Papers papers_of(db::Tx& tx, Invoice invoice) {
  auto const id = invoice.id;
  Papers out{.invoice = std::move(invoice), .first_failure = first_failure_of(tx, id)};
  for (auto const& note : mirror::belonging_to(tx, id, "credit_note"))
    out.notes.push_back(credit_note_of(note));
  auto const refunds = mirror::belonging_to(tx, id, "refund");
  auto const disputes = mirror::belonging_to(tx, id, "dispute");
  auto const ends = ends_of(tx, ids_of({&refunds, &disputes}));
  for (auto const& refund : refunds) out.refunds.push_back(refund_of(refund, end_in(ends, refund)));
  for (auto const& dispute : disputes)
    out.disputes.push_back(dispute_of(dispute, end_in(ends, dispute)));
  return out;
}

/// A proration as its invoice has it, once there is one, else as it waits.
std::optional<Item> find_item(db::Tx& tx, CustomerId customer, std::string_view id) {
  std::optional<Item> known;
  if (auto const object = mirror::find(tx, id)) known = item_of(*object);
  for (auto const& invoice_id : tx.all<std::string>(invoices_with_item, customer, id)) {
    auto const object = mirror::find(tx, invoice_id);
    if (!object) continue;
    auto const invoice = invoice_of(*object);
    auto const line = std::ranges::find(invoice.lines, id, &Line::item);
    if (line != invoice.lines.end()) return item_of(*line, invoice, known);
  }
  if (known) known->deleted_at = tx.maybe<Time>(deleted_since, id);
  return known;
}

std::vector<Difference> settle_item(db::Tx& tx, Run& run, CustomerId customer,
                                    std::string const& id) {
  auto const item = find_item(tx, customer, id);
  return bring(tx, run, customer, id, item ? entries_of(*item) : std::vector<Entry>{});
}

std::vector<Difference> settle_invoice(db::Tx& tx, Run& run, CustomerId customer,
                                       std::string const& id) {
  auto const object = mirror::find(tx, id);
  if (!object) return bring(tx, run, customer, id, {});
  auto const papers = papers_of(tx, invoice_of(*object));
  auto out = bring(tx, run, customer, id, entries_of(papers));
  for (auto const& line : papers.invoice.lines) {
    if (line.item.empty()) continue;
    auto more = settle_item(tx, run, customer, line.item);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}
std::vector<stripe::Object> of_charge(db::Tx& tx, CustomerId customer, std::string_view kind,
                                      std::string_view charge) {
  std::vector<stripe::Object> out;
  for (auto const& state : tx.all<std::string>(objects_of_charge, customer, kind, charge))
    out.push_back(stripe::parse(state));
  return out;
}

std::vector<Difference> settle_charge(db::Tx& tx, Run& run, CustomerId customer,
                                      std::string const& id) {
  auto const found = tx.maybe<Payment>(find_charge, id);
  if (!found || !found->belongs_to.empty()) return bring(tx, run, customer, id, {});
  ChargePapers papers{.charge = charge_of(stripe::parse(found->state))};
  auto const refunds = of_charge(tx, customer, "refund", id);
  auto const disputes = of_charge(tx, customer, "dispute", id);
  auto const ends = ends_of(tx, ids_of({&refunds, &disputes}));
  for (auto const& refund : refunds)
    papers.refunds.push_back(refund_of(refund, end_in(ends, refund)));
  for (auto const& dispute : disputes)
    papers.disputes.push_back(dispute_of(dispute, end_in(ends, dispute)));
  return bring(tx, run, customer, id, entries_of(papers));
}
}  // namespace

void follow_charge(db::Tx& tx, CustomerId customer, std::string_view charge_id,
                   std::optional<std::string> const& event_id) {
  lock(tx, customer);
  Run run{Reason::event, event_id};
  settle_charge(tx, run, customer, std::string{charge_id});
}

void follow_invoice(db::Tx& tx, CustomerId customer, std::string_view invoice_id,
                    std::optional<std::string> const& event_id) {
  lock(tx, customer);
  Run run{Reason::event, event_id};
  settle_invoice(tx, run, customer, std::string{invoice_id});
}

void follow_invoice_item(db::Tx& tx, CustomerId customer, std::string_view item_id,
                         std::optional<std::string> const& event_id) {
  lock(tx, customer);
  Run run{Reason::event, event_id};
  settle_item(tx, run, customer, std::string{item_id});
}

std::vector<Difference> settle_documents(db::Tx& tx, Run& run, CustomerId customer) {
  std::vector<Difference> out;
  for (auto const& [id, kind] : tx.all<Document>(documents_of_customer, customer)) {
    auto some = kind == "invoiceitem" ? settle_item(tx, run, customer, id)
                : kind == "charge"    ? settle_charge(tx, run, customer, id)
                                      : settle_invoice(tx, run, customer, id);
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

}  // namespace ledger
