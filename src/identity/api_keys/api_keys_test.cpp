#include "identity/api_keys/api_keys.hpp"

#include <doctest/doctest.h>

#include <set>

TEST_CASE("a key has a marker, 190 random bits and a checksum") {
  std::set<std::string> keys;
  for (int i = 0; i < 200; ++i) {
    auto const key = identity::api_keys::new_key(i % 2 == 0);
    CHECK(key.size() == 46);
    CHECK(key.starts_with(i % 2 == 0 ? "ob_live_" : "ob_test_"));
    CHECK(identity::api_keys::is_well_formed_key(key));
    CHECK(keys.insert(key).second);
  }
}

TEST_CASE("every single wrong, swapped or lost character of a key is noticed") {
  auto const key = identity::api_keys::new_key(true);
  for (std::size_t at = 0; at < key.size(); ++at) {
    auto wrong = key;
    wrong[at] = wrong[at] == 'x' ? 'y' : 'x';
    CHECK(!identity::api_keys::is_well_formed_key(wrong));
    CHECK(!identity::api_keys::is_well_formed_key(key.substr(0, at) + key.substr(at + 1)));
    if (at == 0 || key[at] == key[at - 1]) continue;
    auto swapped = key;
    std::swap(swapped[at], swapped[at - 1]);
    CHECK(!identity::api_keys::is_well_formed_key(swapped));
  }
  CHECK(!identity::api_keys::is_well_formed_key(""));
  CHECK(!identity::api_keys::is_well_formed_key(key + "0"));
  CHECK(!identity::api_keys::is_well_formed_key("ob_live_"));
}
