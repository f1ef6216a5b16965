// Limits: applied while it runs, and believed only when they were read back.
#include "provisioning/incus/limits.hpp"

#include <sstream>

#include "platform/json/read.hpp"
#include "provisioning/incus/reading.hpp"

namespace provisioning {

namespace incus {

namespace {
constexpr std::string_view per_period = "ms/100ms";
}

boost::json::object limits_config(ContainerPlan const& plan) {
  return {{"limits.memory", std::to_string(plan.memory_mib) + "MiB"},
          {"limits.memory.enforce", "hard"},
          {"limits.memory.swap", "false"},
          {"limits.cpu.allowance", std::to_string(plan.cpu_percent) + std::string{per_period}},
          {"limits.processes", std::to_string(plan.processes)}};
}

boost::json::object root_device(std::string const& pool, std::int64_t storage_mib) {
  return {{"type", "disk"},
          {"path", "/"},
          {"pool", pool},
          {"size", std::to_string(storage_mib) + "MiB"}};
}

std::int64_t mebibytes(std::string const& text) {
  if (!text.ends_with("MiB")) return 0;
  return json::from_text<std::int64_t>(text.substr(0, text.size() - 3)).value_or(0);
}

std::int64_t image_mib_of(boost::json::value const& instance) {
  return json::from_text<std::int64_t>(key_of(instance, "image_mib")).value_or(0);
}

std::string limits_of(boost::json::value const& instance) {
  auto const config = [&](char const* key) { return text_at(instance, {"config", key}); };
  auto cpu = config("limits.cpu.allowance");
  if (cpu.ends_with(per_period)) cpu = cpu.substr(0, cpu.size() - per_period.size()) + "%";
  return "memory=" + config("limits.memory") + " cpu=" + cpu +
         " processes=" + config("limits.processes") + " disk=" +
         std::to_string(mebibytes(text_at(instance, {"devices", "root", "size"})) -
                        image_mib_of(instance)) +
         "MiB";
}

}  // namespace incus

namespace {
namespace bj = boost::json;
constexpr std::int64_t mib = 1024 * 1024;

std::string about(std::string const& name) { return "instance " + name + ": set limits"; }
}  // namespace

bj::object IncusDriver::state_of(std::string const& name) {
  auto state = client_.call("GET", incus::path_of(name) + "/state", nullptr,
                            "instance " + name + ": look at its state");
  return state.is_object() ? std::move(state.get_object()) : bj::object{};
}

std::int64_t IncusDriver::firm_memory(std::string const& name) {
  // What Incus calls use counts cached files, which the kernel gives back by itself. Where the
  // container sees no control groups, LXCFS may tell the same by /proc/meminfo.
  bj::value const state = state_of(name);
  auto const usage = incus::number_at(state, {"memory", "usage"});
  std::string told;
  try {
    told = client_
               .execute(name,
                        {"cat", "/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat",
                         "/proc/meminfo"},
                        {}, about(name))
               .out;
  } catch (StepFailure const& failure) {
    if (failure.code != "tenant_exhausted" && failure.code != "tenant_disk_full") throw;
    return usage;
  }
  std::map<std::string, std::int64_t> values;
  std::istringstream lines{told};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string key;
    std::int64_t value = 0;
    if (words >> key >> value) values.emplace(key, value);
  }
  if (values.contains("total_rss")) return values["total_rss"] + values["total_shmem"];
  if (values.contains("anon")) return values["anon"] + values["shmem"];
  // Without LXCFS it would be the whole machine's.
  if (values["MemTotal:"] * 1024 == incus::number_at(state, {"memory", "total"}))
    return (values["AnonPages:"] + values["Shmem:"]) * 1024;
  return usage;
}

void IncusDriver::refuse_below_use(std::string const& name, tenants::Tenant const& tenant,
                                   bj::value const& before) {
  auto const refuse = [&](char const* what, std::int64_t used, std::int64_t limit) {
    throw Transient{"limit_below_use", about(name) + ": it uses " + std::to_string(used) +
                                           " MiB of " + what + ", more than the new limit of " +
                                           std::to_string(limit) + " MiB"};
  };
  // Less storage than is used leaves a tenant that can neither write nor be started.
  auto const image = incus::image_mib_of(before);
  if (tenant.storage_limit_mib + image < quota_of(before)) {
    auto const used = counted_use(name, before) - image;
    if (used >= tenant.storage_limit_mib) refuse("storage", used, tenant.storage_limit_mib);
  }
  if (incus::status_of(before) != incus::running ||
      tenant.memory_limit_mib >=
          incus::mebibytes(incus::text_at(before, {"config", "limits.memory"})))
    return;
  auto const memory = firm_memory(name) / mib;
  if (memory >= tenant.memory_limit_mib) refuse("memory", memory, tenant.memory_limit_mib);
}

void IncusDriver::require_applied(std::string const& name, tenants::Tenant const& tenant,
                                  bool running) {
  auto const now = client_.find(incus::path_of(name), about(name));
  auto const applied = now ? incus::limits_of(*now) : std::string{"nothing"};
  if (applied != limits_text(tenant))
    throw Transient{"limits_not_applied", about(name) + ": Incus has " + applied};
  if (!running) return;
  // The total is the cgroup's own, not what Incus remembers.
  auto const memory = incus::number_at(state_of(name), {"memory", "total"});
  if (memory > 0 && memory != tenant.memory_limit_mib * mib)
    throw Transient{"limits_not_applied", about(name) + ": the kernel bounds its memory at " +
                                              std::to_string(memory / mib) + " MiB"};
}

void IncusDriver::set_limits(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const name = name_of(connection, tenant.id);
  auto const what = about(name);
  auto const before = client_.find(incus::path_of(name), what);
  if (!before) throw Transient{"instance_missing", what + ": Incus has no such instance"};
  bool const running = incus::status_of(*before) == incus::running;
  if (incus::limits_of(*before) != limits_text(tenant)) {
    refuse_below_use(name, tenant, *before);
    ContainerPlan const plan{.name = name,
                             .blueprint = {},
                             .image = {},
                             .memory_mib = tenant.memory_limit_mib,
                             .cpu_percent = tenant.cpu_limit_percent,
                             .processes = tenant.process_limit,
                             .storage_mib = tenant.storage_limit_mib};
    auto const answer = client_.ask(
        "PATCH", incus::path_of(name),
        bj::object{
            {"config", incus::limits_config(plan)},
            {"devices",
             bj::object{{"root", incus::root_device(
                                     incus::text_at(*before, {"devices", "root", "pool"}),
                                     tenant.storage_limit_mib + incus::image_mib_of(*before))}}}},
        what);
    if (answer.says("cgroup"))
      throw Transient{"limit_below_use", what + ": the kernel refuses: " + answer.error};
    if (answer.says("unable to limit requested quota group")) {
      // It has written meanwhile. The kernel has the new quota, Incus the old one.
      take_back(name, quota_of(*before) + 1);
      throw Transient{"limit_below_use", what + ": it uses more storage: " + answer.error};
    }
    // In a full storage Incus cannot write down what it has applied: only a look can tell.
    if (!answer.ok() && !answer.says("Failed to write backup file"))
      incus::Client::fail(answer, what);
  }
  require_applied(name, tenant, running);
}

}  // namespace provisioning
