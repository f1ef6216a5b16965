// The list of sealed columns, and the job that goes through them.
#include "identity/keys/rotation.hpp"

#include "identity/sessions/sessions.hpp"
#include "identity/signing_keys.hpp"
#include "platform/log/log.hpp"

namespace identity::keys {

namespace {
/// Beyond the life of a token: the clocks of nodes may differ.
constexpr std::chrono::minutes signing_leeway{2};
constexpr int rows_at_once = 100;

struct Reseal {
  static constexpr std::string_view kind = "identity.reseal";
};

struct Sealed {
  std::string place, context, value;
};

db::Query const newest_data_key{"identity.newest_data_key",
                                "SELECT coalesce(max(id), 0) FROM data_keys"};
db::Query const list_signing_keys{"identity.list_key_uses", R"sql(
  SELECT kid, created_at, retires_at FROM signing_keys ORDER BY retires_at IS NOT NULL, created_at DESC
)sql"};

/// The statements for one column.
class Column {
 public:
  explicit Column(SealedColumn const& column)
      : name{std::string{column.table} + '.' + std::string{column.column}},
        find_{"identity.find_sealed " + name, fill(R"sql(
          SELECT ctid::text AS place, {context} AS context, {column} AS value FROM {table}
           WHERE CASE WHEN {column} LIKE 'v1:%' THEN split_part({column}, ':', 2)::bigint END < $1
             AND {column} <> ALL($2::text[])
           LIMIT 100 FOR UPDATE)sql",
                                                   column)},
        replace_{"identity.replace_sealed " + name, fill(R"sql(
          UPDATE {table} SET {column} = $3 WHERE ctid = $1::tid AND {column} = $2)sql",
                                                         column)},
        count_{"identity.count_sealed " + name, fill(R"sql(
          SELECT count(*) FROM {table}
           WHERE CASE WHEN {column} LIKE 'v1:%' THEN split_part({column}, ':', 2)::bigint END = $1)sql",
                                                     column)} {}

  std::int64_t count(db::Tx& tx, std::int64_t data_key) const {
    return tx.one<std::int64_t>(count_, data_key);
  }
  /// Seals up to a hundred values again. Those that do not open are added to `broken` and left.
  bool reseal_some(db::Tx& tx, vault::Vault& vault, std::int64_t newest,
                   std::vector<std::string>& broken) const {
    auto const rows = tx.all<Sealed>(find_, newest, broken);
    for (auto const& row : rows) {
      std::string plain;
      try {
        plain = vault.open(tx, row.value, row.context);
      } catch (std::runtime_error const& error) {
        logging::error("identity", "{}: {}", name, error.what());
        broken.push_back(row.value);
        continue;
      }
      tx.exec(replace_, row.place, row.value, vault.seal(tx, plain, row.context));
    }
    return rows.size() == rows_at_once;
  }

  std::string const name;

 private:
  static std::string fill(std::string text, SealedColumn const& column) {
    for (auto const& [word, value] : {std::pair{"{table}", column.table},
                                      {"{column}", column.column},
                                      {"{context}", column.context}})
      for (auto at = text.find(word); at != std::string::npos; at = text.find(word))
        text.replace(at, std::string_view{word}.size(), value);
    return text;
  }
  db::Query find_, replace_, count_;
};

std::vector<std::unique_ptr<Column>> const columns = [] {
  std::vector<std::unique_ptr<Column>> out;
  for (auto const& column : sealed_columns()) out.push_back(std::make_unique<Column>(column));
  return out;
}();

void reseal(jobs::Context& job, vault::Vault& vault) {
  auto const newest =
      job.transact([](db::Tx& tx) { return tx.one<std::int64_t>(newest_data_key); });
  std::string failed;
  for (auto const& column : columns) {
    std::vector<std::string> broken;
    while (
        job.transact([&](db::Tx& tx) { return column->reseal_some(tx, vault, newest, broken); })) {
    }
    if (!broken.empty()) failed += " " + column->name;
  }
  if (!failed.empty()) throw jobs::Permanent{"values that do not open were left in" + failed};
}
}  // namespace

std::vector<SealedColumn> const& sealed_columns() {
  static std::vector<SealedColumn> const list{
      {"kept_secrets", "sealed", "'kept_secrets/' || name"},
      {"one_time_access", "sealed", "'one_time_access/' || token_hash"},
      {"signing_keys", "sealed_key", "'signing_keys/' || kid"},
      {"tenant_domains", "sealed_key", "'tenant_domains/' || id"},
      {"tenant_resources", "detail", "'ten_' || tenant_id || '/database_password'"},
      {"totp_factors", "sealed_seed", "'totp_factors/' || staff_id"},
      {"totp_factors", "pending_seed", "'totp_factors/' || staff_id"},
  };
  return list;
}

Report report(db::Tx& tx, vault::Vault const& vault) {
  static db::Query const list_data_keys{"identity.list_data_keys", R"sql(
    SELECT id, created_at, 0::bigint AS values FROM data_keys ORDER BY id DESC
  )sql"};
  Report report{tx.all<SigningKeyUse>(list_signing_keys), tx.all<DataKeyUse>(list_data_keys),
                vault.master_key().origin()};
  for (auto& key : report.data_keys)
    for (auto const& column : columns) key.values += column->count(tx, key.id);
  return report;
}

void rotate_signing_key(db::Tx& tx, vault::Vault& vault) {
  identity::rotate_signing_key(tx, vault,
                               clock_source::now() + sessions::access_token_life + signing_leeway);
}

std::int64_t rotate_data_key(db::Tx& tx, vault::Vault& vault) {
  auto const id = vault.add_data_key(tx);
  jobs::enqueue(tx, Reseal{}, {.dedupe_key = "all"});
  return id;
}

void add_workers(jobs::Engine& engine, vault::Vault& vault) {
  engine.add<Reseal>({.timeout = std::chrono::minutes{10},
                      .run = [&vault](jobs::Context& job, Reseal const&) { reseal(job, vault); }});
}

}  // namespace identity::keys
