// Pages of lists, and the invoice of a payment.
#include "billing/reading.hpp"

#include "mirror/mirror.hpp"

namespace billing {

namespace {
boost::json::array* data_of(stripe::Object& list) {
  auto* data = list.if_contains("data");
  return data ? data->if_array() : nullptr;
}

std::string path_for(std::string path, std::string const& id) {
  constexpr std::string_view place = "{id}";
  if (auto const at = path.find(place); at != std::string::npos) path.replace(at, place.size(), id);
  return path;
}

/// Reads the rest of a list after the entries that it has.
void read_rest(stripe::Client const& client, Part const& part, std::string const& id,
               stripe::Object& list) {
  auto* known = data_of(list);
  if (!known || !stripe::boolean(list, "has_more")) return;
  std::vector<std::pair<std::string, std::string>> query;
  if (!part.by.empty()) query.emplace_back(part.by, id);
  if (!part.expand.empty()) query.emplace_back("expand[0]", part.expand);
  if (!known->empty())
    query.emplace_back("starting_after", stripe::text(known->back().as_object(), "id"));
  read_pages(client, path_for(part.path, id), query, [&](boost::json::array& more) {
    for (auto& entry : more) known->push_back(std::move(entry));
    return true;
  });
  list["has_more"] = false;
}
}  // namespace

void read_pages(stripe::Client const& client, std::string const& path,
                std::vector<std::pair<std::string, std::string>> const& query,
                std::function<bool(boost::json::array&)> const& see) {
  std::string after;
  for (bool goes_on = true; goes_on;) {
    http_client::Form form;
    form.add("limit", 100);
    for (auto const& [name, value] : query)
      if (name != "starting_after" || after.empty()) form.add(name, value);
    if (!after.empty()) form.add("starting_after", after);
    auto page = client.get(path, form);
    auto* data = data_of(page);
    if (!data) throw stripe::Unavailable{"Stripe's answer to " + path + " is no list"};
    if (data->empty()) return;
    after = stripe::text(data->back().as_object(), "id");
    goes_on = see(*data) && stripe::boolean(page, "has_more");
  }
}

void read_parts(stripe::Client const& client, ObjectKind const& kind, stripe::Object& object) {
  auto const id = stripe::text(object, "id");
  for (auto const& part : kind.parts)
    if (auto* list = object.if_contains(part.member); list && list->is_object())
      read_rest(client, part, id, list->get_object());
}

std::optional<Reading> read(Asking const& asking, ObjectKind const& kind, std::string const& id) {
  http_client::Form query;
  for (std::size_t i = 0; i < kind.expand.size(); ++i)
    query.add("expand[" + std::to_string(i) + "]", kind.expand[i]);
  Reading out{.object = {}, .asked_at = clock_source::now()};
  try {
    out.object = asking.client.get(kind.path + id, query);
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;
    return {};
  }
  read_parts(asking.client, kind, out.object);
  if (kind.complete) kind.complete(asking, out);
  return out;
}

std::string invoice_of(Asking const& asking, stripe::Object const& object) {
  auto known = [&] {
    db::Tx tx{asking.connection, db::Mode::autocommit};
    return mirror::place_of(tx, stripe::text(object, "id")).belongs_to;
  }();
  for (auto const* path : {"invoice", "charge.invoice"})  // until 2025-03-31.basil
    if (known.empty()) known = stripe::id_of(object, path);
  auto intent = stripe::id_of(object, "payment_intent");
  if (intent.empty()) intent = stripe::id_of(object, "charge.payment_intent");
  if (!known.empty() || intent.empty()) return known;
  read_pages(asking.client, "/v1/invoice_payments",
             {{"payment[type]", "payment_intent"}, {"payment[payment_intent]", intent}},
             [&](boost::json::array& payments) {
               for (auto const& payment : payments)
                 if (known.empty() || stripe::text(payment.as_object(), "status") == "paid")
                   known = stripe::id_of(payment.as_object(), "invoice");
               return true;
             });
  return known;
}

boost::json::array const& entries(stripe::Object const& object, std::string_view path) {
  static boost::json::array const none;
  auto const* found = stripe::find(object, path);
  return found && found->is_array() ? found->get_array() : none;
}

std::optional<std::string> or_null(std::string text) {
  return text.empty() ? std::nullopt : std::optional{std::move(text)};
}

std::optional<std::int64_t> number(stripe::Object const& object, std::string_view path) {
  auto const* found = stripe::find(object, path);
  return found && found->is_int64() ? std::optional{found->get_int64()} : std::nullopt;
}

std::optional<customers::CustomerId> owner_of(db::Tx& tx, stripe::Object const& object) {
  if (stripe::text(object, "object") == "customer")
    return customers::find_by_stripe_id(tx, stripe::text(object, "id"));
  for (auto const* path : {"customer", "charge.customer", "payment_intent.customer"})
    if (auto const id = stripe::id_of(object, path); !id.empty())
      return customers::find_by_stripe_id(tx, id);
  for (auto const& id : {stripe::text(object, "id"), stripe::id_of(object, "charge")})
    if (auto const known = mirror::place_of(tx, id).customer) return known;
  return {};
}

bool keep_gone(db::Tx& tx, Absence const& absence, EventId const&) {
  auto const* kind = kind_named(stripe::text(absence.carried, "object"));
  auto const owner = owner_of(tx, absence.carried);
  auto const known = mirror::place_of(tx, absence.id).customer;
  if (kind && (owner || !kind->is_of_somebody))
    mirror::keep(tx, absence.carried, absence.at,
                 {owner, stripe::id_of(absence.carried, "invoice")});
  else if (!known)
    return false;
  if (absence.was_deleted) mirror::mark_deleted(tx, absence.id, absence.at);
  return true;
}

}  // namespace billing
