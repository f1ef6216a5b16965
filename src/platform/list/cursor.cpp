#include "platform/list/cursor.hpp"

#include "platform/crypto/crypto.hpp"

namespace list {

namespace {
constexpr std::size_t signature_size = 16;  // bytes of an HMAC-SHA-256, enough for what ends a page

struct Said {
  std::string list, order;
  std::optional<std::string> value;
  std::int64_t key;
};

std::string order_of(List const& list, Selection const& selection) {
  return (selection.descending ? "-" : "") + std::string{list.sorts[selection.sort].name};
}

std::string signature(http::Api const& api, std::string_view text) {
  return crypto::hmac_sha256(api.signing_key(), text).substr(0, signature_size);
}
}  // namespace

std::string cursor_text(http::Api const& api, List const& list, Selection const& selection,
                        Place const& last) {
  auto const text =
      json::text(Said{std::string{list.name}, order_of(list, selection), last.value, last.key});
  return crypto::base64url(signature(api, text) + text);
}

constexpr FieldCode bad_cursor{"bad_cursor", "must be a next_cursor of this list and sort"};

Place read_cursor(http::Api const& api, List const& list, Selection const& selection) {
  try {
    auto const bytes = crypto::from_base64url(*selection.cursor);
    auto const text = std::string_view{bytes}.substr(std::min(signature_size, bytes.size()));
    if (crypto::equal_in_constant_time(bytes.substr(0, signature_size), signature(api, text))) {
      auto said = json::read<Said>(text);
      if (said.list == list.name && said.order == order_of(list, selection))
        return {std::move(said.value), said.key};
    }
  } catch (std::exception const&) {
    // Whatever it is, it is no cursor of ours.
  }
  json::refuse({wrong<bad_cursor>("?cursor")});
  throw std::logic_error{"unreachable"};
}

}  // namespace list
