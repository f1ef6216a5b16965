#include "billing/promotions.hpp"

#include <map>

#include "billing/caution.hpp"
#include "billing/coupons.hpp"
#include "platform/json/checks.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
constexpr std::size_t most_shown = 500;

constexpr FieldCode percent_or_amount{"percent_or_amount",
                                      "must be a percentage or an amount with its currency"};
constexpr FieldCode months_required{"months_required", "must say for how many months"};
constexpr FieldCode not_a_code{"not_a_code", "must be letters and digits"};

FieldCode const* code_rule(std::string_view code) {
  bool const is_fine = std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  return is_fine ? nullptr : &not_a_code;
}

struct Terms {
  std::optional<std::int64_t> amount_off;
  std::optional<std::string> currency;
  Duration duration;
  std::optional<std::int64_t> months, max_redemptions;
  std::optional<Time> expires_at;
  static constexpr auto fields() {
    using T = Terms;
    return ::fields(
        field("amount_off", &T::amount_off,
              {.doc = "Minor units of `currency`", .min = 1, .max = 99'999'999}),
        field("currency", &T::currency,
              {.doc = "ISO 4217, lower case; of amount_off only",
               .max_length = 3,
               .check = money::currency}),
        field("duration", &T::duration,
              {.doc = "once: the first invoice; repeating: for `months`; forever"}),
        field("months", &T::months, {.doc = "Of a repeating one", .min = 1, .max = 120}),
        field("max_redemptions", &T::max_redemptions,
              {.doc = "How often it can be used by all together; null: without an end",
               .min = 1,
               .max = 1'000'000}),
        field("expires_at", &T::expires_at,
              {.doc = "Until when it can be typed; null: without an end"}));
  }
};

struct NewPromotion : Terms {
  std::string code;
  std::optional<std::int64_t> percent_off;
  static constexpr auto fields() {
    return ::fields(
        field("code", &NewPromotion::code,
              {.doc = "What people type",
               .example = "WELCOME",
               .min_length = 3,
               .max_length = 40,
               .check = code_rule}),
        field("percent_off", &NewPromotion::percent_off, {.doc = "Per cent", .min = 1, .max = 100}),
        inherited<Terms>());
  }
};

struct Promotion : Terms {
  std::string id, code;
  bool active = false;
  std::optional<double> percent_off;
  std::int64_t times_redeemed = 0;
  Time created_at{};
  static constexpr auto fields() {
    using P = Promotion;
    return ::fields(field("id", &P::id, {.doc = "Stripe's"}), field("code", &P::code),
                    field("active", &P::active, {.doc = "It can be typed now"}),
                    field("percent_off", &P::percent_off, {.doc = "Per cent"}), inherited<Terms>(),
                    field("times_redeemed", &P::times_redeemed),
                    field("created_at", &P::created_at));
  }
};
struct Promotions {
  std::vector<Promotion> data;
};
struct OnePromotion {
  std::string id;
  static constexpr auto rules() {
    return ::rules(
        rule(&OnePromotion::id,
             {.doc = "Stripe's id of it", .min_length = 1, .max_length = 100, .check = id_rule}));
  }
};

Promotion promotion_of(stripe::Object const& code, stripe::Object const& coupon) {
  Promotion out;
  out.id = stripe::text(code, "id");
  out.code = stripe::text(code, "code");
  if (auto const* percent = stripe::find(coupon, "percent_off"); percent && percent->is_number())
    out.percent_off = percent->to_number<double>();
  out.amount_off = whole(coupon, "amount_off");
  out.currency = or_null(stripe::text(coupon, "currency"));
  out.duration = enum_from<Duration>(stripe::text(coupon, "duration")).value_or(Duration::once);
  out.months = whole(coupon, "duration_in_months");
  out.max_redemptions = whole(code, "max_redemptions");
  out.expires_at = stripe::time(code, "expires_at");
  out.times_redeemed = stripe::integer(code, "times_redeemed");
  out.created_at = stripe::time(code, "created").value_or(Time{});
  bool const is_spent = out.max_redemptions && out.times_redeemed >= *out.max_redemptions;
  bool const is_over = out.expires_at && *out.expires_at <= clock_source::now();
  out.active = stripe::boolean(code, "active") && !is_spent && !is_over;
  return out;
}

std::string coupon_of(stripe::Object const& code) {
  auto id = stripe::id_of(code, "promotion.coupon");
  return id.empty() ? stripe::id_of(code, "coupon") : id;  // before 2025-09-30.clover
}

/// All of a list, up to the most that is shown.
std::vector<stripe::Object> all_of(stripe::Client const& client, std::string const& path) {
  std::vector<stripe::Object> out;
  std::string after;
  while (out.size() < most_shown) {
    http_client::Form query;
    query.add("limit", 100);
    if (!after.empty()) query.add("starting_after", after);
    auto const page = client.get(path, query, stripe::Patience::visitor);
    for (auto const& entry : entries(page, "data")) out.push_back(entry.as_object());
    if (!stripe::boolean(page, "has_more") || out.empty()) break;
    after = stripe::text(out.back(), "id");
  }
  return out;
}

Promotions list(http::Context& context, http::Nothing const&) {
  return asking_stripe([&] {
    stripe::Client const client{context.settings};
    std::map<std::string, stripe::Object> coupons;
    for (auto& coupon : all_of(client, "/v1/coupons"))
      coupons.emplace(stripe::text(coupon, "id"), std::move(coupon));
    Promotions out;
    for (auto const& code : all_of(client, "/v1/promotion_codes")) {
      auto const coupon = coupons.find(coupon_of(code));
      // Its coupon was deleted: it takes nothing off any more.
      if (coupon != coupons.end()) out.data.push_back(promotion_of(code, coupon->second));
    }
    return out;
  });
}

void check(NewPromotion const& wanted) {
  Problem problem{validation_failed};
  if (wanted.percent_off.has_value() == wanted.amount_off.has_value())
    problem.errors.push_back(wrong<percent_or_amount>("/percent_off"));
  if (wanted.amount_off.has_value() != wanted.currency.has_value())
    problem.errors.push_back(wrong<percent_or_amount>("/currency"));
  if ((wanted.duration == Duration::repeating) != wanted.months.has_value())
    problem.errors.push_back(wrong<months_required>("/months"));
  if (wanted.expires_at && *wanted.expires_at <= clock_source::now())
    problem.errors.push_back(wrong<faults::in_the_past>("/expires_at"));
  if (!problem.errors.empty()) throw problem;
}

Promotion make(http::Context& context, NewPromotion const& request) {
  check(request);
  require_may_move(context, request.currency.value_or("eur"), 0);
  auto const patience = stripe::Patience::visitor;
  auto out = asking_stripe([&] {
    stripe::Client const client{context.settings};
    http_client::Form terms;
    terms.add("name", request.code).add("duration", name_of(request.duration));
    if (request.percent_off) terms.add("percent_off", *request.percent_off);
    if (request.amount_off)
      terms.add("amount_off", *request.amount_off).add("currency", *request.currency);
    if (request.months) terms.add("duration_in_months", *request.months);
    auto const coupon = client.post("/v1/coupons", terms, stripe::key_once("coupon"), patience);
    http_client::Form form;
    form.add("promotion[type]", "coupon")
        .add("promotion[coupon]", stripe::text(coupon, "id"))
        .add("code", request.code);
    if (request.max_redemptions) form.add("max_redemptions", *request.max_redemptions);
    if (request.expires_at) form.add("expires_at", clock_source::unix_seconds(*request.expires_at));
    try {
      return promotion_of(
          client.post("/v1/promotion_codes", form, stripe::key_once("promotion-code"), patience),
          coupon);
    } catch (stripe::Refused const& refused) {
      if (refused.code == "resource_already_exists") throw refusal(wrong<faults::taken>("/code"));
      throw;
    }
  });
  context.audit_target = out.code;
  context.audit_after.text = json::text(out);
  return out;
}

http::Nothing end(http::Context& context, OnePromotion const& request) {
  context.audit_target = request.id;
  require_may_move(context, "eur", 0);
  asking_stripe([&] {
    stripe::Client const client{context.settings};
    http_client::Form form;
    form.add("active", "false");
    return client.post("/v1/promotion_codes/" + request.id, form,
                       stripe::key_once("end-" + request.id), stripe::Patience::visitor);
  });
  return {};
}
}  // namespace

void add_promotion_endpoints(http::Api& api) {
  std::vector<ProblemType> const problems{promotion_refused, installation_is_copy, stripe_away};
  auto with = [&](std::initializer_list<ProblemType> more) {
    auto out = problems;
    out.insert(out.end(), more);
    return out;
  };
  api.add(http::Endpoint<http::Nothing, Promotions>{
      .route = "GET /api/billing/promotions",
      .summary = "List promotion codes as Stripe has them, newest first, 500 at most",
      .tag = "Billing",
      .scope = "billing:read",
      .limit = http::per_minute(30),
      .problems = {promotion_refused, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = list,
  });
  api.add(http::Endpoint<NewPromotion, Promotion>{
      .route = "POST /api/billing/promotions",
      .summary = "Make a promotion code",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "promotion.made",
      .limit = http::per_minute(10),
      .problems = problems,
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .status = 201,
      .idempotent = true,
      .handle = make,
  });
  api.add(http::Endpoint<OnePromotion, http::Nothing>{
      .route = "POST /api/billing/promotions/{id}/end",
      .summary = "Take a promotion code back; who has used it keeps what it gave",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "promotion.ended",
      .limit = http::per_minute(30),
      .problems = with({promotion_not_found}),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = end,
  });
}

}  // namespace billing
