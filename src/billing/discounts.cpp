// The discount of the one subscription that pays for a tenant: what is on it, what the next invoice
// is with another one or with none, giving one and taking it away.
#include "billing/caution.hpp"
#include "billing/coupons.hpp"
#include "billing/plan_moves.hpp"
#include "billing/promotions.hpp"
#include "platform/http/endpoint.hpp"

namespace billing {

namespace {
constexpr ProblemType nothing_to_discount{Kind::conflict, "nothing_to_discount",
                                          "No subscription of this tenant goes on"};

struct Discount {
  std::optional<std::string> code, currency;
  std::optional<double> percent_off;
  std::optional<std::int64_t> amount_off, months;
  std::optional<Duration> duration;
  std::optional<Time> ends_at;
  static constexpr auto rules() {
    using D = Discount;
    return ::rules(rule(&D::code, {.doc = "What was typed; null: it was given without a code"}),
                   rule(&D::percent_off, {.doc = "Per cent"}),
                   rule(&D::amount_off, {.doc = "Minor units of `currency`"}),
                   rule(&D::duration, {.doc = "null: its coupon was deleted, and it goes on"}),
                   rule(&D::ends_at, {.doc = "null: with one invoice, or never"}));
  }
};
struct NextInvoice {
  std::string currency;
  std::int64_t amount;
  std::optional<Time> date;
  static constexpr auto rules() {
    return ::rules(rule(&NextInvoice::amount, {.doc = "Minor units, as Stripe works it out now"}));
  }
};
struct Discounts {
  std::vector<Discount> data;
  bool is_billed;
  std::optional<NextInvoice> next_invoice;
  static constexpr auto rules() {
    using D = Discounts;
    return ::rules(rule(&D::data, {.doc = "Those that its subscription has now"}),
                   rule(&D::is_billed, {.doc = "False: no subscription of it goes on"}),
                   rule(&D::next_invoice, {.doc = "null: there is none, its subscription ends"}));
  }
};
struct DiscountPreview {
  std::optional<NextInvoice> next_invoice;
};

struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};
struct Gift {
  tenants::TenantId id;
  std::string promotion;
  static constexpr auto rules() {
    return ::rules(
        rule(&Gift::id, {.doc = "Id of the tenant"}),
        rule(&Gift::promotion, {.doc = "Stripe's id of the promotion code, whose terms hold from "
                                       "the next invoice on",
                                .min_length = 1,
                                .max_length = 100,
                                .check = id_rule}));
  }
};
struct Asked {
  tenants::TenantId id;
  std::optional<std::string> promotion;
  static constexpr auto rules() {
    return ::rules(
        rule(&Asked::id, {.doc = "Id of the tenant"}),
        rule(&Asked::promotion, {.doc = "Stripe's id of a promotion code; none: without discount",
                                 .min_length = 1,
                                 .max_length = 100,
                                 .check = id_rule}));
  }
};

http_client::Form form_of(std::optional<std::string> const& promotion) {
  http_client::Form form;
  if (promotion)
    form.add("discounts[0][promotion_code]", *promotion);
  else
    form.add("discounts", "");
  return form;
}

/// The coupon may have been deleted: what it gave goes on.
Discount read(stripe::Client const& client, stripe::Object const& discount) {
  Discount out{.code = or_null(stripe::text(discount, "promotion_code.code")),
               .currency = {},
               .percent_off = {},
               .amount_off = {},
               .months = {},
               .duration = {},
               .ends_at = stripe::time(discount, "end")};
  auto id = stripe::id_of(discount, "source.coupon");
  if (id.empty()) id = stripe::id_of(discount, "coupon");  // before 2025-09-30.clover
  stripe::Object coupon;
  try {
    coupon = client.get("/v1/coupons/" + id, {}, stripe::Patience::visitor);
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;
    return out;
  }
  if (auto const* percent = stripe::find(coupon, "percent_off"); percent && percent->is_number())
    out.percent_off = percent->to_number<double>();
  out.amount_off = whole(coupon, "amount_off");
  out.currency = or_null(stripe::text(coupon, "currency"));
  out.duration = enum_from<Duration>(stripe::text(coupon, "duration"));
  out.months = whole(coupon, "duration_in_months");
  return out;
}

std::optional<NextInvoice> next_invoice(stripe::Client const& client, std::string const& id,
                                        std::optional<Time> period_end, http_client::Form form) {
  form.add("subscription", id);
  try {
    auto const invoice = client.post("/v1/invoices/create_preview", form,
                                     stripe::key_once("preview"), stripe::Patience::visitor);
    return NextInvoice{stripe::text(invoice, "currency"), stripe::integer(invoice, "amount_due"),
                       period_end};
  } catch (stripe::Refused const& refused) {
    if (refused.code != "invoice_upcoming_none") throw;
    return {};
  }
}

std::optional<Time> period_end_of(stripe::Object const& subscription) {
  return stripe::time(subscription, "items.data.0.current_period_end");
}

Discounts look(http::Context& context, OneTenant const& request) {
  auto const id = wanted(context.worker.connection, request.id, {}).subscription;
  if (!id) return {.data = {}, .is_billed = false, .next_invoice = {}};
  return asking_stripe([&] {
    stripe::Client const client{context.settings};
    http_client::Form query;
    query.add("expand[0]", "discounts.promotion_code");
    stripe::Object subscription;
    try {
      subscription = client.get("/v1/subscriptions/" + *id, query, stripe::Patience::visitor);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw;
      return Discounts{.data = {}, .is_billed = false, .next_invoice = {}};  // forgotten there
    }
    Discounts out{.data = {},
                  .is_billed = true,
                  .next_invoice = next_invoice(client, *id, period_end_of(subscription), {})};
    if (auto const* all = stripe::find(subscription, "discounts"); all && all->is_array())
      for (auto const& discount : all->get_array())
        if (discount.is_object()) out.data.push_back(read(client, discount.get_object()));
    return out;
  });
}

DiscountPreview preview(http::Context& context, Asked const& request) {
  auto const id = wanted(context.worker.connection, request.id, {}).subscription;
  if (!id) throw Problem{nothing_to_discount};
  return asking_stripe([&] {
    stripe::Client const client{context.settings};
    auto const subscription = client.get("/v1/subscriptions/" + *id, {}, stripe::Patience::visitor);
    return DiscountPreview{
        next_invoice(client, *id, period_end_of(subscription), form_of(request.promotion))};
  });
}

/// Empty: no discount.
http::Nothing write(http::Context& context, tenants::TenantId id,
                    std::optional<std::string> const& promotion) {
  context.audit_target = id.text();
  require_may_move(context, "eur", 0);
  auto& connection = context.worker.connection;
  auto const subscription = wanted(connection, id, {}).subscription;
  if (!subscription) throw Problem{nothing_to_discount};
  asking_stripe([&] {
    stripe::Client const client{context.settings};
    db::SessionLock const turn{connection, turn_of(*subscription)};
    return client.post("/v1/subscriptions/" + *subscription, form_of(promotion),
                       stripe::key_once("discount-" + *subscription), stripe::Patience::visitor);
  });
  follow_up(connection, stripe::Client{context.settings}, {{"subscription", *subscription}});
  return {};
}
}  // namespace

void add_discount_endpoints(http::Api& api) {
  std::vector<ProblemType> const asking{tenants::tenant_not_found, promotion_not_found,
                                        promotion_refused, stripe_away};
  auto with = [&](std::initializer_list<ProblemType> more) {
    auto out = asking;
    out.insert(out.end(), more);
    return out;
  };
  api.add(http::Endpoint<OneTenant, Discounts>{
      .route = "GET /api/tenants/{id}/discount",
      .summary = "Read the discounts of a tenant's subscription and its next invoice, from Stripe",
      .tag = "Billing",
      .scope = "billing:read",
      .limit = http::per_minute(60),
      .problems = asking,
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = look,
  });
  api.add(http::Endpoint<Asked, DiscountPreview>{
      .route = "GET /api/tenants/{id}/discount/preview",
      .summary = "Tell what the next invoice would be with a promotion code, or with no discount",
      .tag = "Billing",
      .scope = "billing:read",
      .limit = http::per_minute(60),
      .problems = with({nothing_to_discount}),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = preview,
  });
  api.add(http::Endpoint<Gift, http::Nothing>{
      .route = "POST /api/tenants/{id}/discount",
      .summary = "Give a tenant's subscription the discount of a promotion code",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "tenant.discounted",
      .limit = http::per_minute(30),
      .problems = with({nothing_to_discount, installation_is_copy}),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle =
          [](http::Context& context, Gift const& request) {
            context.audit_after.text = json::text(request);
            return write(context, request.id, request.promotion);
          },
  });
  api.add(http::Endpoint<OneTenant, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/discount",
      .summary = "End the discounts of a tenant's subscription",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "tenant.discount_ended",
      .limit = http::per_minute(30),
      .problems = with({nothing_to_discount, installation_is_copy}),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = [](http::Context& context,
                   OneTenant const& request) { return write(context, request.id, {}); },
  });
}

}  // namespace billing
