#include "ledger/shelf.hpp"

#include <algorithm>

namespace ledger {

namespace {
using customers::CustomerId;

db::Query const document_and_children{"ledger.document_and_children", R"sql(
  SELECT id, kind, coalesce(belongs_to, '') AS belongs_to, state::text, customer_id,
         date_trunc('second', deleted_at) AS deleted_at
    FROM stripe_objects WHERE id = $1
  UNION ALL
  SELECT id, kind, coalesce(belongs_to, ''), state::text, customer_id,
         date_trunc('second', deleted_at)
    FROM stripe_objects
   WHERE belongs_to = $1 AND kind IN ('charge', 'credit_note', 'refund', 'dispute')
)sql"};
// An item is rarely told where it went, its invoice always where it came from.
db::Query const items_and_invoices{"ledger.items_and_invoices", R"sql(
  SELECT id, kind, coalesce(belongs_to, '') AS belongs_to, state::text, customer_id,
         date_trunc('second', deleted_at) AS deleted_at
    FROM stripe_objects WHERE id = ANY ($1::text[])
  UNION ALL
  SELECT id, kind, coalesce(belongs_to, ''), state::text, customer_id,
         date_trunc('second', deleted_at)
    FROM stripe_objects
   WHERE kind = 'invoice' AND invoice_items_of(state) <> '[]'
     AND invoice_items_of(state) ?| $1::text[]
)sql"};
db::Query const objects_of_charge{"ledger.objects_of_charge", R"sql(
  SELECT id, kind, coalesce(belongs_to, '') AS belongs_to, state::text, customer_id,
         date_trunc('second', deleted_at) AS deleted_at
    FROM stripe_objects
   WHERE kind IN ('refund', 'dispute') AND state ->> 'charge' = $2 AND customer_id = $1
)sql"};
db::Query const objects_of_customers{"ledger.objects_of_customers", R"sql(
  SELECT id, kind, coalesce(belongs_to, '') AS belongs_to, state::text, customer_id,
         date_trunc('second', deleted_at) AS deleted_at
    FROM stripe_objects
   WHERE customer_id = ANY ($1::bigint[])
     AND kind IN ('invoice', 'invoiceitem', 'charge', 'credit_note', 'refund', 'dispute')
)sql"};
// What has entries and nothing else, and what belongs to an invoice without being known as
// anybody's.
db::Query const objects_besides{"ledger.objects_besides", R"sql(
  SELECT id, kind, coalesce(belongs_to, '') AS belongs_to, state::text, customer_id,
         date_trunc('second', deleted_at) AS deleted_at
    FROM stripe_objects WHERE id = ANY ($1::text[])
  UNION ALL
  SELECT id, kind, coalesce(belongs_to, ''), state::text, customer_id,
         date_trunc('second', deleted_at)
    FROM stripe_objects
   WHERE belongs_to = ANY ($2::text[]) AND kind IN ('charge', 'credit_note', 'refund', 'dispute')
     AND (customer_id IS NULL OR customer_id <> ALL ($3::bigint[]))
)sql"};

db::Query const standing_entries{"ledger.standing_entries", R"sql(
  SELECT id, customer_id, document, part, book, kind, currency, at, amount, service_start,
         service_end, reverses
    FROM book_entries AS e
   WHERE document = ANY ($1::text[]) AND undoes IS NULL
     AND NOT EXISTS (SELECT FROM book_entries AS u WHERE u.undoes = e.id)
   ORDER BY id
)sql"};
db::Query const standing_of_customers{"ledger.standing_entries_of_customers", R"sql(
  SELECT id, customer_id, document, part, book, kind, currency, at, amount, service_start,
         service_end, reverses
    FROM book_entries AS e
   WHERE customer_id = ANY ($1::bigint[]) AND undoes IS NULL
     AND NOT EXISTS (SELECT FROM book_entries AS u WHERE u.undoes = e.id)
   ORDER BY id
)sql"};

struct Failure {
  std::string object_id;
  Time at;
};
db::Query const first_failures{"ledger.first_failures", R"sql(
  SELECT object_id, min(created) AS at FROM stripe_events
   WHERE object_id = ANY ($1::text[]) AND type = 'invoice.payment_failed' AND state <> 'foreign'
   GROUP BY 1
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

template <class Map>
auto const& list_in(Map const& lists, std::string const& key) {
  static typename Map::mapped_type const none;
  auto const found = lists.find(key);
  return found == lists.end() ? none : found->second;
}
}  // namespace

std::map<std::string, Time> ends_of(db::Tx& tx, std::vector<std::string> const& ids) {
  std::map<std::string, Time> out;
  for (auto const& told : tx.all<Told>(told_ends, ids)) {
    auto const status = stripe::text(stripe::parse(told.payload), "data.object.status");
    if (status == "failed" || status == "canceled" || status == "lost")
      out.emplace(told.object_id, told.created);
  }
  return out;
}

Shelf Shelf::of_document(db::Tx& tx, CustomerId customer, std::string_view id) {
  Shelf out;
  out.add(tx.all<Kept>(document_and_children, id));
  auto const known = out.objects_.find(std::string{id});
  if (known != out.objects_.end() && known->second.kind == "charge")
    out.add(tx.all<Kept>(objects_of_charge, customer, id));
  auto documents = out.items_on(std::string{id});
  if (!documents.empty()) out.add(tx.all<Kept>(items_and_invoices, documents));
  documents.emplace_back(id);
  out.read_times(tx);
  out.add_standing(tx.all<Standing>(standing_entries, documents));
  return out;
}

Shelf Shelf::of_item(db::Tx& tx, std::string_view id) {
  Shelf out;
  Ids const documents{std::string{id}};
  out.add(tx.all<Kept>(items_and_invoices, documents));
  out.add_standing(tx.all<Standing>(standing_entries, documents));
  return out;
}

Shelf Shelf::of_customers(db::Tx& tx, std::vector<std::int64_t> const& customers) {
  Shelf out;
  out.add(tx.all<Kept>(objects_of_customers, customers));
  out.add_standing(tx.all<Standing>(standing_of_customers, customers));
  Ids missing, invoices;
  for (auto const& [id, _] : out.standing_)
    if (!out.objects_.contains(id)) missing.push_back(id);
  for (auto const& [id, object] : out.objects_)
    if (object.kind == "invoice") invoices.push_back(id);
  out.add(tx.all<Kept>(objects_besides, missing, invoices, customers));
  out.read_times(tx);
  return out;
}

void Shelf::add(std::vector<Kept> const& rows) {
  for (auto const& row : rows) {
    auto const [place, is_new] =
        objects_.try_emplace(row.id, Object{row.kind, row.belongs_to, row.customer_id.value_or(0),
                                            row.deleted_at, stripe::parse(row.state)});
    if (!is_new) continue;
    auto& object = place->second;
    if (!row.belongs_to.empty()) children_[row.belongs_to].push_back(row.id);
    if (row.kind == "refund" || row.kind == "dispute")
      of_charge_[stripe::text(object.state, "charge")].push_back(row.id);
    if (row.kind != "invoice") continue;
    object.invoice = invoice_of(object.state);
    object.state.clear();
    for (auto const& line : object.invoice.lines)
      if (!line.item.empty()) invoices_of_item_[line.item].push_back(row.id);
  }
  for (auto* const lists : {&children_, &invoices_of_item_, &of_charge_})
    for (auto& [_, ids] : *lists) std::ranges::sort(ids);
}

void Shelf::read_times(db::Tx& tx) {
  Ids invoices, children;
  for (auto const& [id, object] : objects_)
    if (object.kind == "invoice")
      invoices.push_back(id);
    else if (object.kind == "refund" || object.kind == "dispute")
      children.push_back(id);
  if (!invoices.empty())
    for (auto const& failure : tx.all<Failure>(first_failures, invoices))
      failures_.emplace(failure.object_id, failure.at);
  if (children.empty()) return;
  ends_ = ends_of(tx, children);
}

void Shelf::add_standing(std::vector<Standing> rows) {
  for (auto& row : rows) {
    auto& of_document = standing_[row.document];
    of_document.push_back(std::move(row));
  }
}

Shelf::Object const* Shelf::find(std::string const& id) const {
  auto const found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

std::vector<stripe::Object const*> Shelf::children(std::string const& owner,
                                                   std::string_view kind) const {
  std::vector<stripe::Object const*> out;
  for (auto const& id : list_in(children_, owner))
    if (auto const& child = objects_.at(id); child.kind == kind) out.push_back(&child.state);
  return out;
}

std::optional<Time> Shelf::end_of(stripe::Object const& object) const {
  auto const found = ends_.find(stripe::text(object, "id"));
  return found == ends_.end() ? std::nullopt : std::optional{found->second};
}

std::vector<Shelf::Document> Shelf::documents() const {
  std::vector<Document> out;
  auto const is_document = [](Object const& object) {
    return object.kind == "invoice" || object.kind == "invoiceitem" ||
           (object.kind == "charge" && object.belongs_to.empty());
  };
  for (auto const& [id, object] : objects_)
    if (is_document(object)) out.push_back({id, object.customer_id});
  for (auto const& [id, standing] : standing_)
    if (auto const* object = find(id); !object || !is_document(*object))
      out.push_back({id, standing.front().customer_id});
  return out;
}

std::vector<std::string> Shelf::items_on(std::string const& id) const {
  std::vector<std::string> out;
  if (auto const* object = find(id))
    for (auto const& line : object->invoice.lines)
      if (!line.item.empty()) out.push_back(line.item);
  return out;
}

std::vector<Shelf::Standing> const& Shelf::standing(std::string const& document) const {
  return list_in(standing_, document);
}

std::optional<Papers> Shelf::papers_of(std::string const& invoice_id) const {
  auto const* found = find(invoice_id);
  if (!found || found->kind != "invoice") return {};
  return papers_of(invoice_id, found->invoice);
}

std::vector<Entry> Shelf::wanted(Document const& document) const {
  auto const* object = find(document.id);
  if (object && object->kind == "invoice")
    return entries_of(papers_of(document.id, object->invoice));
  if (object && object->kind == "charge")
    return object->belongs_to.empty() ? entries_of(papers_of_charge(document, object->state))
                                      : std::vector<Entry>{};
  auto const item = item_of(document);
  return item ? entries_of(*item) : std::vector<Entry>{};
}

Papers Shelf::papers_of(std::string const& id, Invoice const& invoice) const {
  Papers out{.invoice = invoice};
  if (auto const told = failures_.find(id); told != failures_.end())
    out.first_failure = told->second;
  for (auto const* charge : children(id, "charge"))
    if (auto const at = stripe::time(*charge, "created"); at && has_failed(*charge))
      out.first_failure = std::min(out.first_failure.value_or(*at), *at);
  for (auto const* note : children(id, "credit_note")) out.notes.push_back(credit_note_of(*note));
  for (auto const* refund : children(id, "refund"))
    out.refunds.push_back(refund_of(*refund, end_of(*refund)));
  for (auto const* dispute : children(id, "dispute"))
    out.disputes.push_back(dispute_of(*dispute, end_of(*dispute)));
  return out;
}

/// A proration as its invoice has it, once there is one, else as it waits.
std::optional<Item> Shelf::item_of(Document const& document) const {
  auto const* object = find(document.id);
  auto known = object ? ledger::item_of(object->state) : std::nullopt;
  for (auto const& id : list_in(invoices_of_item_, document.id)) {
    auto const& invoice = objects_.at(id);
    auto const line = std::ranges::find(invoice.invoice.lines, document.id, &Line::item);
    if (invoice.customer_id == document.customer_id && line != invoice.invoice.lines.end())
      return ledger::item_of(*line, invoice.invoice, known);
  }
  if (known) known->deleted_at = object->deleted_at;
  return known;
}

ChargePapers Shelf::papers_of_charge(Document const& document, stripe::Object const& charge) const {
  ChargePapers out{.charge = charge_of(charge)};
  for (auto const& id : list_in(of_charge_, document.id)) {
    auto const& child = objects_.at(id);
    if (child.customer_id != document.customer_id) continue;
    if (child.kind == "refund")
      out.refunds.push_back(refund_of(child.state, end_of(child.state)));
    else
      out.disputes.push_back(dispute_of(child.state, end_of(child.state)));
  }
  return out;
}

}  // namespace ledger
