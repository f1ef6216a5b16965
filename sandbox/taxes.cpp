// Rates that somebody chose (not Stripe Tax): a percentage on top of a line or inside it.
#include "sandbox/taxes.hpp"

#include <cmath>

#include "sandbox/api.hpp"
#include "sandbox/calendar.hpp"
#include "sandbox/discounts.hpp"

namespace sandbox {

namespace {
constexpr std::int64_t hundred_percent = 100'000'000;

std::int64_t millionths_of_percent(Object const& rate) {
  return std::llround(rate.at("percentage").to_number<double>() * 1'000'000);
}

Array const& rates_of(Object const& invoice, Object const& line) {
  auto const& own = items(line, "_tax_rates");
  return own.empty() ? items(invoice, "default_tax_rates") : own;
}

bool pays_none(Object const& invoice) {
  auto const exempt = text(invoice, "customer_tax_exempt");
  return exempt == "exempt" || exempt == "reverse";
}

std::int64_t inclusive_percentage(Array const& rates) {
  std::int64_t sum = 0;
  for (auto const& rate : rates)
    if (truth(rate.as_object(), "inclusive")) sum += millionths_of_percent(rate.as_object());
  return sum;
}

Object tax_entry(Object const& invoice, Object const& rate, std::int64_t taxable,
                 std::int64_t amount) {
  auto const exempt = text(invoice, "customer_tax_exempt");
  return {{"amount", amount},
          {"tax_behavior", truth(rate, "inclusive") ? "inclusive" : "exclusive"},
          {"tax_rate_details", Object{{"tax_rate", text(rate, "id")}}},
          {"taxability_reason", exempt == "reverse"  ? "reverse_charge"
                                : exempt == "exempt" ? "customer_exempt"
                                                     : "not_available"},
          {"taxable_amount", taxable},
          {"type", "tax_rate_details"}};
}

Array taxes_of(Object const& invoice, Object const& line) {
  auto const& rates = rates_of(invoice, line);
  auto const inside = inclusive_percentage(rates);
  auto const net = net_of(line);
  auto const within = tax_inside(invoice, line, net);
  auto const taxable = net - within;
  Array taxes;
  std::int64_t percentage_so_far = 0, tax_so_far = 0;
  for (auto const& entry : rates) {
    auto const& rate = entry.as_object();
    auto const percentage = millionths_of_percent(rate);
    std::int64_t amount = 0;
    if (truth(rate, "inclusive")) {
      // Several inside one amount share it to the cent.
      percentage_so_far += percentage;
      amount = prorated(within, percentage_so_far, inside) - tax_so_far;
      tax_so_far += amount;
    } else if (!pays_none(invoice)) {
      amount = prorated(taxable, percentage, hundred_percent);
    }
    taxes.push_back(tax_entry(invoice, rate, taxable, amount));
  }
  return taxes;
}

void add_to_totals(Array& totals, Object const& tax) {
  for (auto& entry : totals) {
    auto& total = entry.as_object();
    if (total.at("tax_rate_details") != tax.at("tax_rate_details")) continue;
    for (auto const name : {"amount", "taxable_amount"})
      total[name] = number(total, name) + number(tax, name);
    return;
  }
  totals.push_back(tax);
}

void fill(Object& rate, Object const& parameters) {
  apply(rate, parameters,
        {"active", "country", "description", "display_name", "jurisdiction", "state", "tax_type"});
  merge_metadata(rate, parameters);
}

Object create(Call& call) {
  auto const percentage = call.parameters.at("percentage").as_double();
  if (percentage < 0 || percentage > 100)
    throw invalid("Invalid percentage: must be between 0 and 100.", "percentage");
  Object rate{{"id", new_id("txr_1")},
              {"object", "tax_rate"},
              {"active", true},
              {"country", nullptr},
              {"created", call.store.now},
              {"description", nullptr},
              {"display_name", ""},
              {"effective_percentage", percentage},
              {"flat_amount", nullptr},
              {"inclusive", truth(call.parameters, "inclusive")},
              {"jurisdiction", nullptr},
              {"jurisdiction_level", nullptr},
              {"livemode", false},
              {"metadata", Object{}},
              {"percentage", percentage},
              {"rate_type", "percentage"},
              {"state", nullptr},
              {"tax_type", nullptr}};
  fill(rate, call.parameters);
  call.store.insert(rate);
  call.store.emit("tax_rate.created", rate);
  return rate;
}

Object retrieve(Call& call) { return call.store.load("tax_rate", call.id()); }

Object update(Call& call) {
  auto rate = call.store.load("tax_rate", call.id());
  fill(rate, call.parameters);
  call.store.save_and_emit(rate, "tax_rate.updated");
  return rate;
}

Object list(Call& call) {
  Object filter;
  if (auto const* active = call.parameters.if_contains("active")) filter["active"] = *active;
  return answer_list(call, "tax_rate", filter);
}
}  // namespace

Array tax_rates_named(Store& store, Array const& ids, std::string const& shown) {
  Array rates;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto const here = shown + "[" + std::to_string(i) + "]";
    auto rate = store.load("tax_rate", std::string_view{ids[i].as_string()}, here);
    if (!truth(rate, "active"))
      throw invalid("The tax rate " + text(rate, "id") + " is archived.", here);
    rates.emplace_back(std::move(rate));
  }
  return rates;
}

std::int64_t tax_inside(Object const& invoice, Object const& line, std::int64_t amount) {
  if (pays_none(invoice)) return 0;
  auto const inside = inclusive_percentage(rates_of(invoice, line));
  return amount - prorated(amount, hundred_percent, hundred_percent + inside);
}

void tax_lines(Object& invoice) {
  Array totals;
  for (auto& entry : invoice["lines"].as_object()["data"].as_array()) {
    auto& line = entry.as_object();
    auto taxes = taxes_of(invoice, line);
    for (auto const& tax : taxes) add_to_totals(totals, tax.as_object());
    line["taxes"] = std::move(taxes);
  }
  invoice["total_taxes"] = std::move(totals);
}

std::vector<Endpoint> tax_rate_endpoints() {
  std::vector<Parameter> const common{{"active", Kind::boolean},
                                      {"country"},
                                      {"description"},
                                      {"jurisdiction"},
                                      {"state"},
                                      {"tax_type"},
                                      {"metadata", Kind::metadata}};
  auto creating = common, updating = common;
  creating.insert(creating.end(), {{"display_name", Kind::text, Need::required},
                                   {"inclusive", Kind::boolean, Need::required},
                                   {"percentage", Kind::percent, Need::required}});
  updating.push_back({"display_name"});
  return {{"POST", "/v1/tax_rates", creating, create},
          {"GET",
           "/v1/tax_rates",
           {{"active", Kind::boolean}, {"inclusive", Kind::boolean}},
           list,
           Shape::list},
          {"GET", "/v1/tax_rates/{id}", {}, retrieve},
          {"POST", "/v1/tax_rates/{id}", updating, update}};
}

}  // namespace sandbox
