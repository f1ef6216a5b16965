#pragma once
// What the value of a setting may look like, for Rules::check. Each returns nullptr or a sentence
// with "must …"; whether there is something behind the value is found out by others.
#include <string_view>

namespace config::forms {

/// http:// or https:// with a host and perhaps a port, nothing behind them.
[[nodiscard]] char const* origin(std::string_view text);
/// https://…, with any path.
[[nodiscard]] char const* https_url(std::string_view text);
/// https://…, or http:// on this machine.
[[nodiscard]] char const* stripe_url(std::string_view text);
/// https://host/bucket, perhaps with a prefix.
[[nodiscard]] char const* bucket_url(std::string_view text);
/// smtp:// or smtps:// with a host.
[[nodiscard]] char const* smtp_url(std::string_view text);
/// A URL of PostgreSQL's, or keyword=value pairs.
[[nodiscard]] char const* database_url(std::string_view text);
/// Incus: the path of a socket, or https://host:port.
[[nodiscard]] char const* incus_url(std::string_view text);
/// A DNS name, also of one label.
[[nodiscard]] char const* domain(std::string_view text);
/// name@host, or Name <name@host>.
[[nodiscard]] char const* mailbox(std::string_view text);
/// A secret or restricted key of Stripe's.
[[nodiscard]] char const* stripe_key(std::string_view text);
/// Comma-separated whsec_….
[[nodiscard]] char const* webhook_secrets(std::string_view text);
/// An IPv4 or IPv6 address in figures.
[[nodiscard]] char const* address(std::string_view text);
/// Such addresses, comma-separated.
[[nodiscard]] char const* addresses(std::string_view text);
/// IPv4 address:port.
[[nodiscard]] char const* address_and_port(std::string_view text);
/// An absolute path, or address:port.
[[nodiscard]] char const* socket(std::string_view text);
/// Letters, digits, '-', '_' and '.', not beginning with one of the last.
[[nodiscard]] char const* word(std::string_view text);

}  // namespace config::forms
