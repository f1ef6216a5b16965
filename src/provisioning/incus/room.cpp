// Room for our own work where a tenant has none left. Incus keeps an instance's description and the
// output of commands in the tenant's own storage: when that is full, it cannot start, back up or
// change anything. The quota is raised for as long as the work takes; what cannot be taken back
// afterwards shows as a finding, because the limits then differ from the row's.
#include "provisioning/incus/limits.hpp"
#include "provisioning/incus/reading.hpp"

namespace provisioning {

namespace {
namespace bj = boost::json;
constexpr std::int64_t mib = 1024 * 1024;
/// Beyond an archive that may be as large as the data.
constexpr std::int64_t least_loan = 64;
/// What is left above present use when a quota is set. Each try is another value, because Incus
/// takes no notice of the one that it has written down already.
constexpr std::int64_t margins[] = {1, 8, 64};

std::string about(std::string const& name) { return "instance " + name + ": set its quota"; }
}  // namespace

std::int64_t IncusDriver::quota_of(bj::value const& instance) const {
  return incus::mebibytes(incus::text_at(instance, {"devices", "root", "size"}));
}

std::int64_t IncusDriver::counted_use(std::string const& name, bj::value const& instance) {
  bj::value const state = state_of(name);
  auto const own = incus::number_at(state, {"disk", "root", "usage"});
  return (own + mib - 1) / mib + incus::image_mib_of(instance);
}

incus::Answer IncusDriver::set_quota(std::string const& name, std::int64_t size) {
  auto const there = client_.find(incus::path_of(name), about(name));
  if (!there) return {};
  auto const pool = incus::text_at(*there, {"devices", "root", "pool"});
  return client_.ask("PATCH", incus::path_of(name),
                     bj::object{{"devices", bj::object{{"root", incus::root_device(pool, size)}}}},
                     about(name));
}

void IncusDriver::take_back(std::string const& name, std::int64_t wanted) {
  // What was deleted a moment ago counts until the file system has written that down.
  if (is_running(name)) (void)client_.execute(name, {"/bin/sh", "-c", "sync"}, {}, about(name));
  for (auto const margin : margins) {
    auto const there = client_.find(incus::path_of(name), about(name));
    if (!there) return;
    auto const size = std::max(wanted, counted_use(name, *there) + margin);
    if (set_quota(name, size).ok()) return;  // otherwise it has written meanwhile
  }
}

IncusDriver::Loan::Loan(IncusDriver& driver, std::string name)
    : driver_{driver}, name_{std::move(name)}, before_mib_{0} {
  auto const there = driver_.client_.find(incus::path_of(name_), about(name_));
  if (!there) throw Transient{"instance_missing", about(name_) + ": Incus has no such instance"};
  before_mib_ = driver_.quota_of(*there);
  auto const use = driver_.counted_use(name_, *there);
  auto const raised =
      driver_.set_quota(name_, std::max(before_mib_, use) + std::max(use, least_loan));
  if (!raised.ok()) incus::Client::fail(raised, about(name_));
}

IncusDriver::Loan::~Loan() {
  try {
    driver_.take_back(name_, before_mib_);
  } catch (StepFailure const&) {  // the limits differ then, which the reconciler finds
  }
}

}  // namespace provisioning
