// Simulated trouble: POST /v1/test_helpers/faults with count, skip, status,
// delay_milliseconds, path_prefix and when. They live in memory only: a restart forgets them.
#include "sandbox/api_requests.hpp"

namespace sandbox {

void Faults::add(Fault fault) {
  std::scoped_lock lock{mutex_};
  faults_.push_back(std::move(fault));
}

void Faults::clear() {
  std::scoped_lock lock{mutex_};
  faults_.clear();
}

std::optional<Fault> Faults::take(std::string_view path) {
  std::scoped_lock lock{mutex_};
  for (auto it = faults_.begin(); it != faults_.end(); ++it) {
    if (!path.starts_with(it->path_prefix)) continue;
    if (it->skip > 0) {
      --it->skip;
      continue;
    }
    auto fault = *it;
    if (--it->remaining == 0) faults_.erase(it);
    return fault;
  }
  return {};
}

std::vector<Fault> Faults::all() {
  std::scoped_lock lock{mutex_};
  return faults_;
}

Object answer_faults_request(Engine& engine, http::Request const& request) {
  if (request.method == "DELETE") engine.faults.clear();
  if (request.method == "POST") {
    auto parameters = parse_parameters(request.body);
    check_parameters(parameters, {{"count", Kind::integer},
                                  {"skip", Kind::integer},
                                  {"status", Kind::integer},
                                  {"delay_milliseconds", Kind::integer},
                                  {"path_prefix"},
                                  {"when", Kind::text, Need::optional, "before|after"}});
    Fault fault;
    fault.remaining = int(number(parameters, "count", 1));
    fault.skip = int(number(parameters, "skip", 0));
    fault.status = int(number(parameters, "status", 0));
    fault.delay = std::chrono::milliseconds{number(parameters, "delay_milliseconds", 0)};
    fault.after = text(parameters, "when") == "after";
    if (has(parameters, "path_prefix")) fault.path_prefix = text(parameters, "path_prefix");
    if (fault.remaining < 1 || fault.remaining > 1'000'000)
      throw invalid("Invalid count: must be from 1 to 1000000", "count");
    if (fault.status != 0 && (fault.status < 400 || fault.status > 599))
      throw invalid("Invalid status: must be 0 or from 400 to 599", "status");
    if (fault.delay < std::chrono::milliseconds{0} || fault.delay > std::chrono::minutes{2})
      throw invalid("Invalid delay_milliseconds: must be from 0 to 120000", "delay_milliseconds");
    engine.faults.add(std::move(fault));
  }
  Array data;
  for (auto const& fault : engine.faults.all())
    data.push_back(Object{{"object", "test_helpers.fault"},
                          {"count", fault.remaining},
                          {"skip", fault.skip},
                          {"status", fault.status},
                          {"delay_milliseconds", std::int64_t(fault.delay.count())},
                          {"path_prefix", fault.path_prefix},
                          {"when", fault.after ? "after" : "before"}});
  return list_of(std::move(data), "/v1/test_helpers/faults");
}

}  // namespace sandbox
