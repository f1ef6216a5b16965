// Both forms of connection strings (URI and key=value) become key=value.
#include "platform/db/url.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

namespace db {

namespace {
using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

Options parsed(std::string const& url) {
  char* error = nullptr;
  Options options{PQconninfoParse(url.c_str(), &error), PQconninfoFree};
  if (!options) {
    std::unique_ptr<char, decltype(&PQfreemem)> const text{error, PQfreemem};
    throw std::runtime_error{"the database's connection string cannot be read"};
  }
  return options;
}

std::string joined(std::string const& url, std::map<std::string, std::string> const& changes) {
  auto const options = parsed(url);
  std::map<std::string, std::string> values;
  for (auto const* option = options.get(); option->keyword; ++option)
    if (option->val) values[option->keyword] = option->val;
  for (auto const& [key, value] : changes) values[key] = value;
  std::string out;
  for (auto const& [key, value] : values) {
    if (!out.empty()) out += ' ';
    out += key + "='";
    for (char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += '\'';
  }
  return out;
}

std::string quoted(std::string_view text, char quote) {
  std::string out{quote};
  for (char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}
}  // namespace

std::string with_database(std::string const& url, std::string_view database) {
  return joined(url, {{"dbname", std::string{database}}});
}

std::string with_first_host(std::string const& url, unsigned by) {
  if (by == 0 || url.find(',') == std::string::npos) return url;
  auto const options = parsed(url);
  std::map<std::string, std::string> changes;
  for (auto const* option = options.get(); option->keyword; ++option) {
    std::string_view const key = option->keyword;
    if (!option->val || (key != "host" && key != "hostaddr" && key != "port")) continue;
    std::vector<std::string> items{""};
    for (char const* c = option->val; *c; ++c)
      if (*c == ',')
        items.emplace_back();
      else
        items.back() += *c;
    std::rotate(items.begin(), items.begin() + long(by % items.size()), items.end());
    auto& text = changes[option->keyword];
    for (auto const& item : items) text += (&item == &items.front() ? "" : ",") + item;
  }
  return joined(url, changes);
}

std::string with_role(std::string const& url, std::string_view database, std::string_view role,
                      std::string_view password) {
  return joined(url, {{"dbname", std::string{database}},
                      {"user", std::string{role}},
                      {"password", std::string{password}}});
}

std::map<std::string, std::string> environment_of(std::string const& url) {
  auto const options = parsed(url);
  std::map<std::string, std::string> environment;
  for (auto const* option = options.get(); option->keyword; ++option)
    if (option->val && option->envvar) environment[option->envvar] = option->val;
  return environment;
}

std::string quoted_name(std::string_view name) { return quoted(name, '"'); }
std::string quoted_text(std::string_view text) { return quoted(text, '\''); }

std::string scram_verifier(PGconn* connection, std::string const& role,
                           std::string const& password) {
  std::unique_ptr<char, decltype(&PQfreemem)> const verifier{
      PQencryptPasswordConn(connection, password.c_str(), role.c_str(), "scram-sha-256"),
      PQfreemem};
  if (!verifier) throw std::runtime_error{"libpq cannot hash a password"};
  return verifier.get();
}

}  // namespace db
