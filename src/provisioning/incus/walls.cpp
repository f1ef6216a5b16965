// The walls around a container. Its card sends only with its own addresses (filters of the NIC),
// its neighbours are out of reach (port isolation), and an access list of the bridge keeps it from
// its machine, from other private networks and from what clouds tell their machines. The bridge's
// own DHCP and DNS stay open: Incus puts them before the list.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/log/log.hpp"
#include "provisioning/incus/driver.hpp"
#include "provisioning/incus/reading.hpp"

namespace provisioning {

namespace {
namespace bj = boost::json;
using incus::text_at;

constexpr auto list_name = "onboarding-tenants";
constexpr auto what = "close the containers' network";
/// So often its addresses are looked at again: a machine may get others.
constexpr auto walls_last = std::chrono::minutes{10};

// With prefixes that overlap nowhere, as the kernel wants it.
constexpr std::array never_public{
    "0.0.0.0/8",     "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",   "::1/128",     "64:ff9b::/96",
    "fc00::/7",      "fe80::/10",      "ff00::/8"};

/// A block of addresses, IPv4 or IPv6.
struct Block {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0, longest = 0;

  static std::optional<Block> parse(std::string_view address, std::string_view prefix) {
    Block block;
    std::string const text{address};
    if (::inet_pton(AF_INET, text.c_str(), block.bytes.data()) == 1)
      block.longest = 32;
    else if (::inet_pton(AF_INET6, text.c_str(), block.bytes.data()) == 1)
      block.longest = 128;
    auto const* const end = prefix.data() + prefix.size();
    if (std::from_chars(prefix.data(), end, block.bits).ptr != end || block.bits > block.longest)
      return {};
    for (unsigned at = block.bits; at < block.longest; ++at)
      block.bytes[at / 8] &= static_cast<unsigned char>(~(0x80U >> at % 8));
    return block;
  }
  bool bit(unsigned at) const { return bytes[at / 8] & 0x80U >> at % 8; }
  bool contains(Block const& other) const {
    if (longest != other.longest || bits > other.bits) return false;
    for (unsigned at = 0; at < bits; ++at)
      if (bit(at) != other.bit(at)) return false;
    return true;
  }
  std::string text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    ::inet_ntop(longest == 32 ? AF_INET : AF_INET6, bytes.data(), buffer.data(), buffer.size());
    return std::string{buffer.data()} + '/' + std::to_string(bits);
  }
};

void add(std::vector<Block>& blocks, std::optional<Block> const& block) {
  if (!block || std::ranges::any_of(blocks, [&](auto const& one) { return one.contains(*block); }))
    return;
  std::erase_if(blocks, [&](auto const& one) { return block->contains(one); });
  blocks.push_back(*block);
}

/// Whether somebody else's instances hang on the bridge: a list would close it for them, too.
bool is_shared(bj::value const& bridge) {
  constexpr std::string_view instances = "/1.0/instances/";
  auto const* users = incus::at(bridge, {"used_by"});
  return users && users->is_array() &&
         std::ranges::any_of(users->get_array(), [&](bj::value const& user) {
           std::string_view path{user.as_string()};
           if (!path.starts_with(instances)) return false;
           path.remove_prefix(instances.size());
           return !path.starts_with("t-") && !path.starts_with("p-");
         });
}
}  // namespace

bj::object IncusDriver::network_card() {
  return {{"type", "nic"},
          {"name", "eth0"},
          {"network", only_network()},
          {"security.port_isolation", "true"},
          {"security.mac_filtering", "true"},
          {"security.ipv4_filtering", "true"},
          {"security.ipv6_filtering", "true"}};
}

void IncusDriver::give_network_card(std::string const& name) {
  auto const about = "instance " + name + ": give it a network card";
  auto const there = client_.find(incus::path_of(name), about);
  if (!there || incus::status_of(*there) == incus::running ||
      text_at(*there, {"devices", "eth0", "security.ipv4_filtering"}) == "true")
    return;
  (void)client_.call("PATCH", incus::path_of(name),
                     bj::object{{"devices", bj::object{{"eth0", network_card()}}}}, about);
}

std::string IncusDriver::private_networks() {
  std::vector<Block> blocks;
  for (std::string_view const text : never_public) {
    auto const slash = text.find('/');
    add(blocks, Block::parse(text.substr(0, slash), text.substr(slash + 1)));
  }
  bj::value const networks = client_.call("GET", "/1.0/networks?recursion=1", nullptr, what);
  for (auto const& network : networks.as_array()) {
    auto const path = "/1.0/networks/" + incus::escaped(text_at(network, {"name"})) + "/state";
    auto const state = client_.find(path, what);
    auto const* addresses = state ? incus::at(*state, {"addresses"}) : nullptr;
    if (!addresses || !addresses->is_array()) continue;
    for (auto const& address : addresses->get_array())
      add(blocks, Block::parse(text_at(address, {"address"}), text_at(address, {"netmask"})));
  }
  std::string text;
  for (auto const& block : blocks) text += (text.empty() ? "" : ",") + block.text();
  return text;
}

void IncusDriver::close_network() {
  {
    std::scoped_lock const lock{mutex_};
    if (std::chrono::steady_clock::now() < walls_stand_until_) return;
  }
  try {
    auto const path = "/1.0/networks/" + incus::escaped(only_network());
    auto const bridge = client_.find(path, what);
    auto const present = bridge ? text_at(*bridge, {"config", "security.acls"}) : std::string{};
    if (present.empty() && bridge && is_shared(*bridge)) {
      logging::warning("provisioning",
                       "the bridge {} has instances that are no tenants, so it is not closed: set "
                       "incus_network to one for tenants only",
                       only_network());
    } else if (present.empty() || present == list_name) {
      bj::object list{{"description", "What containers of tenants may not reach"},
                      {"egress", bj::array{bj::object{{"action", "reject"},
                                                      {"destination", private_networks()},
                                                      {"state", "enabled"}}}},
                      {"ingress", bj::array{}},
                      {"config", bj::object{}}};
      auto const place = fmt::format("/1.0/network-acls/{}", list_name);
      if (client_.find(place, what)) {
        (void)client_.call("PUT", place, list, what);
      } else {
        list["name"] = list_name;
        (void)client_.call("POST", "/1.0/network-acls", list, what);
      }
    }
    if (present.empty() && bridge && !is_shared(*bridge))
      (void)client_.call("PATCH", path,
                         bj::object{{"config",
                                     {{"security.acls", list_name},
                                      {"security.acls.default.egress.action", "allow"},
                                      {"security.acls.default.ingress.action", "allow"}}}},
                         what);
  } catch (StepFailure const& failure) {
    if (failure.code != "incus_forbidden") throw;
    // A certificate for one project only: whoever runs that Incus closes its network.
    logging::warning("provisioning", "the containers' network is not closed by us: {}",
                     failure.what());
  }
  std::scoped_lock const lock{mutex_};
  walls_stand_until_ = std::chrono::steady_clock::now() + walls_last;
}

}  // namespace provisioning
