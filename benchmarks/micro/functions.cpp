// Functions that stand in the way of most requests.
#include <benchmark/benchmark.h>

#include "identity/tokens.hpp"
#include "platform/json/read.hpp"
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
          .mrr = tenants::Amount{"eur", 1900},
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

}  // namespace

BENCHMARK_MAIN();
