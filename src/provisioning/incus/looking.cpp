// What containers are like at present.
#include <thread>

#include "platform/json/read.hpp"
#include "provisioning/incus/limits.hpp"
#include "provisioning/incus/reading.hpp"
#include "provisioning/verbs.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
using incus::key_of;
using incus::number_at;
using incus::path_of;
using incus::status_of;
using incus::text_at;

constexpr auto address_pause = 100ms;
constexpr std::size_t last_words_lines = 10;

db::Query const owner_in_ledger{"provisioning.owner_of_instance", R"sql(
  SELECT tenant_id FROM tenant_resources WHERE kind = 'instance' AND name = $1 AND state <> 'gone'
)sql"};

std::optional<std::int64_t> number_in(std::string const& text) {
  return text.empty() ? std::nullopt : json::from_text<std::int64_t>(text);
}

InstanceState state_in(boost::json::value const& instance) {
  if (incus::is_out_of_reach(instance)) return InstanceState::unreachable;
  // Half-made: as good as not there, and create() makes it anew.
  if (key_of(instance, "provisioned") != "1") return InstanceState::absent;
  auto const status = status_of(instance);
  return status == incus::running ? InstanceState::running : InstanceState::stopped;
}

std::vector<std::string> lines_of(std::string const& text, std::size_t most) {
  std::vector<std::string> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    auto const end = rest.find('\n');
    std::string line{rest.substr(0, end)};
    while (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - std::ptrdiff_t(most));
  return lines;
}

std::string ipv4_in(boost::json::value const& state) {
  auto const* addresses = incus::at(state, {"network", "eth0", "addresses"});
  if (!addresses || !addresses->is_array()) return {};
  for (auto const& address : addresses->get_array())
    if (text_at(address, {"family"}) == "inet") return text_at(address, {"address"});
  return {};
}
}  // namespace

bool IncusDriver::is_running(std::string const& name) {
  auto const there = client_.find(path_of(name), "instance " + name + ": look");
  return there && status_of(*there) == incus::running;
}

bool IncusDriver::is_cut_off(std::string const& name) {
  auto const there = client_.find(path_of(name), "instance " + name + ": look");
  if (!there || status_of(*there) != incus::running) return false;
  auto const since = clock_source::parse(text_at(*there, {"last_used_at"}));
  return since && *since + client_.patience().address < clock_source::now() &&
         ipv4_in(state_of(name)).empty();
}

InstanceState IncusDriver::state(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const name = name_in_ledger(connection, tenant.id);
  if (!name) return InstanceState::absent;
  try {
    auto const there = look(*name, "instance " + *name + ": look");
    if (!there) return InstanceState::absent;
    if (incus::is_out_of_reach(*there)) return InstanceState::unreachable;
    return is_ours(connection, *there, tenant.id) ? state_in(*there) : InstanceState::absent;
  } catch (StepFailure const& failure) {
    if (failure.code != "incus_unreachable" && failure.code != "incus_timeout" &&
        failure.code != "incus_member_unreachable")
      throw;
    return InstanceState::unreachable;
  }
}

std::string IncusDriver::address(db::Connection& connection, tenants::Tenant const& tenant) {
  return address_of(name_of(connection, tenant.id), blueprint_of(tenant).port);
}

std::string IncusDriver::address_of(std::string const& name, int port) {
  auto const end = std::chrono::steady_clock::now() + client_.patience().address;
  for (;;) {
    boost::json::value const state = state_of(name);
    if (auto const found = ipv4_in(state); !found.empty())
      return found + ":" + std::to_string(port);
    if (text_at(state, {"status"}) != incus::running)
      throw Transient{"no_address", "instance " + name + ": it does not run"};
    if (std::chrono::steady_clock::now() > end)
      throw Transient{"no_address", "instance " + name + ": it has asked for no address yet"};
    std::this_thread::sleep_for(address_pause);
  }
}

void IncusDriver::wait_until_it_answers(std::string const& name,
                                        blueprints::Blueprint const& blueprint) {
  auto const address = address_of(name, blueprint.port);
  auto const end = std::chrono::steady_clock::now() + blueprint.health.start_patience;
  for (;;) {
    auto const seen = probe(blueprint.health, address, "", {});
    // It belongs to nobody yet, so it cannot say whose it is.
    if (seen.answers || (seen.reached && blueprint.health.identifies)) return;
    if (std::chrono::steady_clock::now() > end)
      throw Transient{"application_silent",
                      "instance " + name + ": the application does not answer"};
    std::this_thread::sleep_for(address_pause);
  }
}

std::optional<Usage> IncusDriver::usage(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const name = name_in_ledger(connection, tenant.id);
  if (!name) return {};
  boost::json::value const state = state_of(*name);
  if (text_at(state, {"status"}) != incus::running) return {};
  auto const counter = [&](char const* which) {
    return number_at(state, {"network", "eth0", "counters", which});
  };
  return Usage{double(number_at(state, {"cpu", "usage"})) / 1e9,
               number_at(state, {"memory", "usage"}),
               number_at(state, {"disk", "root", "usage"}),
               counter("bytes_received"),
               counter("bytes_sent"),
               number_at(state, {"processes"})};
}

std::string IncusDriver::last_words(tenants::Tenant const& tenant) {
  auto const name = [&] {
    std::scoped_lock const lock{mutex_};
    auto const known = names_.find(tenant.id.value);
    return known == names_.end() ? std::string{} : known->second;
  }();
  if (name.empty()) return {};
  try {
    auto const there = client_.find(path_of(name), "instance " + name + ": look");
    if (!there) return "Incus has no instance " + name;
    std::string words = "instance " + name + ": " + status_of(*there);
    for (auto const& line :
         lines_of(client_.console(name, "instance " + name + ": console"), last_words_lines))
      words += "\n" + line;
    return words;
  } catch (StepFailure const& failure) {
    return failure.what();
  }
}

std::vector<std::string> IncusDriver::log(db::Connection& connection, tenants::Tenant const& tenant,
                                          std::size_t lines) {
  if (!name_in_ledger(connection, tenant.id)) return {};
  auto const name = name_of(connection, tenant.id);
  auto const& command = blueprint_of(tenant).log_command;
  auto const what = "instance " + name + ": log";
  if (!command.empty() && is_running(name)) {
    try {
      auto const told = client_.execute(name, {"/bin/sh", "-c", command}, {}, what);
      if (told.status == 0 && !told.out.empty()) return lines_of(told.out, lines);
    } catch (StepFailure const& failure) {  // nothing runs in it any more; its console may tell
      if (failure.code != "tenant_disk_full" && failure.code != "tenant_exhausted") throw;
    }
  }
  return lines_of(client_.console(name, what), lines);
}

std::vector<Found> IncusDriver::list(db::Connection& connection) {
  (void)identity(connection);
  std::vector<Found> found;
  auto const all = client_.call("GET", "/1.0/instances?recursion=1", nullptr, "list instances");
  for (auto const& instance : all.as_array()) {
    if (incus::is_out_of_reach(instance)) {
      // It says nothing of itself: whose it is stands in the ledger.
      auto const name = text_at(instance, {"name"});
      db::Tx tx{connection, db::Mode::autocommit};
      if (auto const owner = tx.maybe<tenants::TenantId>(owner_in_ledger, name))
        found.push_back({.subject = "instance",
                         .name = name,
                         .tenant = *owner,
                         .pool = {},
                         .state = InstanceState::unreachable,
                         .member = text_at(instance, {"location"})});
      continue;
    }
    auto const whose = key_of(instance, "installation");
    if (whose.empty()) continue;
    if (!owns(whose)) {
      found.push_back({.subject = "instance",
                       .name = text_at(instance, {"name"}),
                       .tenant = {},
                       .pool = {},
                       .stranger = whose});
      continue;
    }
    Found one{.subject = "instance",
              .name = text_at(instance, {"name"}),
              .tenant = {},
              .pool = number_in(key_of(instance, "pool")),
              .state = state_in(instance)};
    if (auto const tenant = number_in(key_of(instance, "tenant")))
      one.tenant = tenants::TenantId{*tenant};
    if (auto const member = text_at(instance, {"location"}); !member.empty() && member != "none")
      one.member = member;
    one.applied_limits = incus::limits_of(instance);
    found.push_back(std::move(one));
  }
  return found;
}

}  // namespace provisioning
