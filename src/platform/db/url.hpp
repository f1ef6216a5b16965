#pragma once
// Connection strings, taken apart by libpq itself.
#include <libpq-fe.h>

#include <map>
#include <string>
#include <string_view>

namespace db {

/// The same server, another database.
[[nodiscard]] std::string with_database(std::string const& url, std::string_view database);
/// The same server, another database and role.
[[nodiscard]] std::string with_role(std::string const& url, std::string_view database,
                                    std::string_view role, std::string_view password);
/// The same servers, with another one of several tried first: they are turned round `by` places.
[[nodiscard]] std::string with_first_host(std::string const& url, unsigned by);
/// The same as PG… variables, for programs: their command lines are visible to everybody.
[[nodiscard]] std::map<std::string, std::string> environment_of(std::string const& url);
/// An SQL identifier, quoted.
[[nodiscard]] std::string quoted_name(std::string_view name);
/// An SQL string literal, quoted (standard_conforming_strings is on). For text without NUL.
[[nodiscard]] std::string quoted_text(std::string_view text);

/// What the server stores for a password (SCRAM-SHA-256), computed here: the password itself then
/// stands in no statement and no server log.
[[nodiscard]] std::string scram_verifier(PGconn* connection, std::string const& role,
                                         std::string const& password);

}  // namespace db
