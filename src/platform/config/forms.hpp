#pragma once
// What the value of a setting may look like, for Rules::check. Each returns nullptr or a code
// with "must …"; whether there is something behind the value is found out by others.
#include "platform/types/fields.hpp"

namespace config::forms {

/// http:// or https:// with a host and perhaps a port, nothing behind them.
[[nodiscard]] FieldCode const* origin(std::string_view text);
/// https://…, with any path.
[[nodiscard]] FieldCode const* https_url(std::string_view text);
/// https://…, or http:// on this machine.
[[nodiscard]] FieldCode const* stripe_url(std::string_view text);
/// https://host/bucket, perhaps with a prefix.
[[nodiscard]] FieldCode const* bucket_url(std::string_view text);
/// smtp:// or smtps:// with a host.
[[nodiscard]] FieldCode const* smtp_url(std::string_view text);
/// A URL of PostgreSQL's, or keyword=value pairs.
[[nodiscard]] FieldCode const* database_url(std::string_view text);
/// Incus: the path of a socket, or https://host:port.
[[nodiscard]] FieldCode const* incus_url(std::string_view text);
/// A DNS name, also of one label.
[[nodiscard]] FieldCode const* domain(std::string_view text);
/// name@host, or Name <name@host>.
[[nodiscard]] FieldCode const* mailbox(std::string_view text);
/// A secret or restricted key of Stripe's.
[[nodiscard]] FieldCode const* stripe_key(std::string_view text);
/// Comma-separated whsec_….
[[nodiscard]] FieldCode const* webhook_secrets(std::string_view text);
/// An IPv4 or IPv6 address in figures.
[[nodiscard]] FieldCode const* address(std::string_view text);
/// Such addresses, comma-separated.
[[nodiscard]] FieldCode const* addresses(std::string_view text);
/// IPv4 address:port.
[[nodiscard]] FieldCode const* address_and_port(std::string_view text);
/// An absolute path, or address:port.
[[nodiscard]] FieldCode const* socket(std::string_view text);
/// Letters, digits, '-', '_' and '.', not beginning with one of the last.
[[nodiscard]] FieldCode const* word(std::string_view text);

}  // namespace config::forms
