// Functions that stand in the way of most requests.
#include <benchmark/benchmark.h>

#include "identity/tokens.hpp"
#include "platform/json/read.hpp"
#include "platform/pdf/document.hpp"
#include "signup/signup.hpp"
#include "tenants/list.hpp"

namespace {

tenants::TenantView tenant(int number) {
  return {.id = {number},
          .subdomain = "tenant-" + std::to_string(number),
          .url = "http://tenant-" + std::to_string(number) + ".localhost:8080",
          .company = "Alba Logistics " + std::to_string(number),
          .customer_id = {number},
          .customer_email = "person" + std::to_string(number) + "@example.com",
          .plan = "starter",
          .state = tenants::State::live,
          .health = tenants::Health::healthy,
          .subscription_status = "active",
          .mrr = money::Amount{"eur", 1900},
          .provisioner = "process",
          .created_at = clock_source::now(),
          .live_at = clock_source::now()};
}

void write_tenants(benchmark::State& state) {
  std::vector<tenants::TenantView> rows;
  for (int i = 0; i < 100; ++i) rows.push_back(tenant(i));
  for (auto _ : state) benchmark::DoNotOptimize(json::text(rows));
}
BENCHMARK(write_tenants)->Name("write 100 tenants as JSON");

void verify_token(benchmark::State& state) {
  std::vector const keys{identity::signing_key("0123456789ab", std::string(32, 'k'))};
  auto const token = identity::issue_token(
      keys.front(), {.staff_id = 1,
                     .session_id = "c2Vzc2lvbi1vZi1hZGE",
                     .expires_at = clock_source::now() + std::chrono::hours{1}});
  for (auto _ : state) benchmark::DoNotOptimize(identity::verify_token(keys, token));
}
BENCHMARK(verify_token)->Name("verify a token");

void decide_limit(benchmark::State& state) {
  http::RateLimiter limiter;
  std::string const bucket = "person 1";
  http::Limit const limit = http::per_minute(1'000'000'000);
  for (auto _ : state) benchmark::DoNotOptimize(limiter.take(bucket, limit, nullptr));
}
BENCHMARK(decide_limit)->Name("decide about a limit");

void read_form(benchmark::State& state) {
  std::string const text =
      R"({"company":"Acme Ltd","name":"Ada Smith","email":"ada@example.com","country":"ES",)"
      R"("locale":"en","subdomain":"acme","plan":"starter","interval":"month","currency":"eur"})";
  for (auto _ : state) benchmark::DoNotOptimize(json::read<signup::Form>(text));
}
BENCHMARK(read_form)->Name("read and check a sign-up form");

pdf::Document document(std::vector<pdf::Block> blocks) {
  return {.title = "Invoice 2026-0042",
          .issuer = {"Acme SL"},
          .as_of = clock_source::now(),
          .as_of_text = "As of 23/11/2026, 13:00 (Europe/Madrid)",
          .blocks = std::move(blocks)};
}

void write_invoice(benchmark::State& state) {
  using pdf::Align;
  auto const invoice =
      document({pdf::Facts{{{"Customer", "Alba Logistics SL"},
                            {"Tax id", "ESB12345678"},
                            {"Address", "Calle Mayor 1\n28001 Madrid"},
                            {"Due", "23/12/2026"}}},
                pdf::Table{{{"Description"}, {"Quantity", Align::end}, {"Amount", Align::end}},
                           {{"Business, November 2026", "1", "€79.00"},
                            {"Additional storage, 10 GiB", "2", "€10.00"},
                            {"Days that were not used", "1", "−€3.20"}}},
                pdf::Facts{{{"Subtotal", "€85.80"}, {"VAT 21 %", "€18.02"}, {"Total", "€103.82"}}},
                pdf::Paragraph{"Payment is due within 30 days."}});
  for (auto _ : state) benchmark::DoNotOptimize(pdf::write(invoice));
}
BENCHMARK(write_invoice)->Name("write an invoice as PDF")->Unit(benchmark::kMillisecond);

void write_table(benchmark::State& state) {
  pdf::Table table;
  for (auto const* head : {"Name", "Company", "E-mail", "Plan", "State", "MRR", "Created", "Live"})
    table.columns.push_back({head});
  for (int i = 0; i < state.range(0); ++i) {
    auto const number = std::to_string(i);
    table.rows.push_back({"tenant-" + number, "Alba Logistics " + number,
                          "person" + number + "@example.com", "starter", "live", "€19.00",
                          "23/11/2026, 13:00", "23/11/2026, 13:00"});
  }
  auto const whole = document({table});
  for (auto _ : state) benchmark::DoNotOptimize(pdf::write(whole));
}
BENCHMARK(write_table)
    ->Name("write a table as PDF, rows:")
    ->Arg(500)
    ->Arg(5'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
