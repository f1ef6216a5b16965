// Questions to DNS by the C library's resolver, which also reads the answers.
#include "domains/dns.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "domains/names.hpp"

namespace domains {

namespace {
using Outcome = Lookup::Outcome;

/// The state of one conversation; the library's shared one knows no other servers.
class Resolver {
 public:
  explicit Resolver(std::string const& server) {
    if (res_ninit(&state_) != 0) throw std::runtime_error{"this machine's resolver is not set up"};
    state_.retrans = 2;
    state_.retry = 2;
    if (!server.empty()) use(server);
  }
  ~Resolver() { res_nclose(&state_); }
  Resolver(Resolver const&) = delete;
  Resolver& operator=(Resolver const&) = delete;

  Outcome ask(std::string const& name, int type, Lookup& out) {
    // Not res_nquery: for a name that leads to one that does not exist, it hides the answer.
    std::array<unsigned char, NS_PACKETSZ> question{};
    std::array<unsigned char, 4096> answer{};
    int const length = res_nmkquery(&state_, ns_o_query, name.c_str(), ns_c_in, type, nullptr, 0,
                                    nullptr, question.data(), question.size());
    if (length < 0) return Outcome::no_such_name;  // it cannot be asked for
    int const size = res_nsend(&state_, question.data(), length, answer.data(), answer.size());
    ns_msg message;
    if (size < 0 || ns_initparse(answer.data(), std::min(size, int(answer.size())), &message) != 0)
      return Outcome::unreachable;
    auto const code = ns_msg_getflag(message, ns_f_rcode);
    if (code != ns_r_noerror && code != ns_r_nxdomain) return Outcome::unreachable;
    bool has_address = false;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
      ns_rr record;
      if (ns_parserr(&message, ns_s_an, i, &record) != 0) return Outcome::unreachable;
      has_address |= take(message, record, type, out);
    }
    if (has_address) return Outcome::found;
    return code == ns_r_nxdomain ? Outcome::no_such_name : Outcome::no_address;
  }

 private:
  void use(std::string const& server) {
    auto const colon = server.find(':');
    int port = 53;
    if (colon != std::string::npos)
      std::from_chars(server.data() + colon + 1, server.data() + server.size(), port);
    auto& address = state_.nsaddr_list[0];
    address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(port));
    if (inet_pton(AF_INET, server.substr(0, colon).c_str(), &address.sin_addr) != 1)
      throw std::runtime_error{"dns_server is \"" + server + "\", not an IPv4 address and a port"};
    state_.nscount = 1;
  }

  /// True when the record is an address.
  static bool take(ns_msg const& message, ns_rr const& record, int type, Lookup& out) {
    if (ns_rr_type(record) == ns_t_cname) {
      std::array<char, NS_MAXDNAME> name{};
      if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record),
                             name.data(), name.size()) < 0)
        return false;
      std::string alias{name.data()};
      for (char& c : alias)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
      if (std::find(out.aliases.begin(), out.aliases.end(), alias) == out.aliases.end())
        out.aliases.push_back(alias);
      return false;
    }
    int const family = type == ns_t_aaaa ? AF_INET6 : AF_INET;
    std::size_t const size = type == ns_t_aaaa ? 16 : 4;
    if (ns_rr_type(record) != type || ns_rr_rdlen(record) != size) return false;
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, ns_rr_rdata(record), text.data(), text.size());
    out.addresses.emplace_back(text.data());
    return true;
  }

  struct __res_state state_ {};
};

std::vector<std::string> own_addresses(std::string const& host, config::Settings const& settings) {
  if (settings.domain_addresses.empty()) return look_up(host, settings.dns_server).addresses;
  std::vector<std::string> out;
  std::string_view rest{settings.domain_addresses};
  while (!rest.empty()) {
    auto const comma = rest.find(',');
    std::string one{rest.substr(0, comma)};
    std::erase(one, ' ');
    if (!one.empty()) out.push_back(std::move(one));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return out;
}
}  // namespace

Lookup look_up(std::string const& name, std::string const& server) {
  Resolver resolver{server};
  Lookup out;
  auto const v4 = resolver.ask(name, ns_t_a, out);
  out.outcome = v4;
  if (v4 == Outcome::unreachable || v4 == Outcome::no_such_name) return out;
  auto const v6 = resolver.ask(name, ns_t_aaaa, out);
  if (v6 == Outcome::unreachable || v6 == Outcome::found) out.outcome = v6;
  return out;
}

Verdict diagnose(std::string const& domain, std::string const& host,
                 config::Settings const& settings) {
  auto const seen = look_up(domain, settings.dns_server);
  if (seen.outcome == Outcome::unreachable) return {false, "dns_unreachable", {}};
  for (auto const& alias : seen.aliases)
    if (is_own(alias, settings)) return {true, {}, {}};
  if (seen.addresses.empty()) {
    if (!seen.aliases.empty()) return {false, "wrong_name", seen.aliases.front()};
    return {false, seen.outcome == Outcome::no_such_name ? "no_such_name" : "no_address", {}};
  }
  auto const own = own_addresses(host, settings);
  if (own.empty()) return {false, "target_unknown", host};
  std::string elsewhere;
  for (auto const& address : seen.addresses)
    if (std::find(own.begin(), own.end(), address) == own.end())
      elsewhere += (elsewhere.empty() ? "" : ", ") + address;
  if (elsewhere.empty()) return {true, {}, {}};
  if (!seen.aliases.empty()) return {false, "wrong_name", seen.aliases.front()};
  return {false, "points_elsewhere", elsewhere};
}

}  // namespace domains
