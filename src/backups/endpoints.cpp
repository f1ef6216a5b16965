// The doors of backups: list, make, look at, take away, delete, bring back.
#include <fcntl.h>

#include "backups/backups.hpp"
#include "backups/new_tenant.hpp"
#include "platform/files/files.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "tenants/list.hpp"
#include "tenants/operations/operations.hpp"

namespace backups {

namespace {
using tenants::Operation;
using tenants::OperationKind;

struct OfTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OfTenant::id, {.doc = "Id of the tenant", .example = "ten_1"}));
  }
};
struct OneBackup : OfTenant {
  BackupId backup;
  static constexpr auto fields() {
    return ::fields(inherited<OfTenant>(), field("backup", &OneBackup::backup,
                                                 {.doc = "Id of the backup", .example = "bkp_1"}));
  }
};
struct VerifyRequest : OneBackup {
  std::optional<bool> restore;
  static constexpr auto fields() {
    return ::fields(inherited<OneBackup>(),
                    field("restore", &VerifyRequest::restore,
                          {.doc = "Also restore it for a test, beside the tenant"}));
  }
};
struct RestoreRequest : OneBackup {
  std::string confirm;
  static constexpr auto fields() {
    return ::fields(inherited<OneBackup>(),
                    field("confirm", &RestoreRequest::confirm,
                          {.doc = "The tenant's subdomain", .max_length = 40}));
  }
};

constexpr std::string_view reading = "tenants:read", writing = "tenants:write";

list::Codes const codes{
    "backups", {{"state", "backup_state"}, {"reason", "backup_reason"}, {"error_code", "failure"}}};

list::List backup_list() {
  return {
      .name = "backups",
      .route = "GET /api/tenants/{id}/backups",
      .summary = "List a tenant's backups",
      .tag = "Backups",
      .scope = reading,
      .row = &types::type_of<Backup>,
      .columns = "page.*",
      .source = "tenant_backups",
      .key = "tenant_backups.id",
      .sorts = {{"id", "tenant_backups.id", "bigint"}},
      .order = "-id",
      .filters = {list::within<tenants::TenantId>("id", "tenant_backups.tenant_id = $",
                                                  {.doc = "Id of the tenant"}),
                  list::any_of<State>("state", "tenant_backups.state = $")},
      .problems = {tenants::tenant_not_found},
      .require = tenants::require_of_path,
  };
}

void require_standing(tenants::Tenant const& tenant) {
  if (tenant.state != tenants::State::live && tenant.state != tenants::State::suspended)
    throw Problem{tenants::state_conflict,
                  "It is " + std::string{name_of(tenant.state)} + ", not live or suspended."};
}

Backup usable(db::Tx& tx, tenants::TenantId tenant, BackupId id) {
  auto backup = get(tx, tenant, id);
  if (!backup.is_usable())
    throw Problem{backup_not_usable, "It is " + std::string{name_of(backup.state)} + "."};
  return backup;
}

Operation make_backup(http::Context& context, OfTenant const& request) {
  require_standing(tenants::lock(context.tx, request.id));
  context.audit_target = request.id.text();
  return tenants::request(context.tx, request.id, OperationKind::backup, RawJson{"{}"},
                          context.actor.label());
}

Backup verify_backup(http::Context& context, VerifyRequest const& request) {
  auto const backup = get(context.tx, request.id, request.backup);
  if (!backup.is_usable() && backup.state != State::damaged)
    throw Problem{backup_not_usable, "It is " + std::string{name_of(backup.state)} + "."};
  bool const restore = request.restore.value_or(false);
  jobs::enqueue(context.tx, Verify{backup.id.value, restore},
                {.dedupe_key = backup.id.text() + (restore ? "/restore" : ""), .max_attempts = 3});
  context.audit_target = backup.id.text();
  return backup;
}

http::Nothing delete_backup(http::Context& context, OneBackup const& request) {
  auto const tenant = tenants::lock(context.tx, request.id);
  auto const backup = get(context.tx, request.id, request.backup);
  if (backup.state == State::running) throw Problem{backup_not_usable, "It is being made."};
  bool const is_last = backup.state == State::verified && tenant.state != tenants::State::purged &&
                       of_tenant(context.tx, tenant.id, {State::verified}).size() == 1;
  if (is_last) throw Problem{last_backup};
  if (!is_ours(context.tx, backup.id)) throw Problem{backup_of_others};
  mark_deleted(context.tx, backup, context.actor.label());
  jobs::enqueue(context.tx, Sweep{}, {.dedupe_key = "deleted"});  // takes the file away
  context.audit_target = backup.id.text();
  context.audit_before.text = json::text(backup);
  return {};
}

Operation restore_backup(http::Context& context, RestoreRequest const& request) {
  auto const tenant = tenants::lock(context.tx, request.id);
  require_standing(tenant);
  if (request.confirm != tenant.subdomain) throw refusal(wrong<faults::does_not_match>("/confirm"));
  auto const backup = usable(context.tx, request.id, request.backup);
  context.audit_target = tenant.id.text();
  context.audit_after.text = "{\"backup\":" + json::text(backup.id) + "}";
  return tenants::request(context.tx, tenant.id, OperationKind::restore,
                          RawJson{context.audit_after.text}, context.actor.label());
}

}  // namespace

http::File Backups::download(http::Context& context, tenants::TenantId tenant, BackupId id) {
  auto const backup = usable(context.tx, tenant, id);
  auto const reaching = [](auto&& work) {
    try {
      work();
    } catch (provisioning::StepFailure const& failure) {
      throw Problem{backup_not_usable, failure.code.text(), failure.what()};
    }
  };
  auto& target = target_of(backup);
  reaching([&] { require_there(context.worker.connection, target); });
  Scratch const file{work_file(id.text() + "." + context.request.request_id + ".download")};
  reaching([&] { target.fetch(location_of(context.tx, id), file.path()); });
  // The name goes at once, the bytes when the last of them is sent.
  auto opened =
      std::make_shared<files::Descriptor>(::open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!*opened) throw Problem{backup_not_usable, {}, files::sentence("read", file.path(), errno)};
  context.audit_target = id.text();
  return {.name = tenant.text() + "-" + id.text() + ".tar.zst",
          .content_type = "application/zstd",
          .content = std::move(opened),
          .size = std::filesystem::file_size(file.path()),
          .headers = {{"X-Content-SHA256", backup.sha256.value_or("")}}};
}

void Backups::add_endpoints(http::Api& api) {
  using http::Endpoint;
  list::add(api, backup_list());
  api.add(Endpoint<OfTenant, Operation>{
      .route = "POST /api/tenants/{id}/backups",
      .summary = "Back a tenant up now",
      .tag = "Backups",
      .scope = writing,
      .audit = "backup.requested",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, tenants::state_conflict, tenants::operation_running},
      .status = 202,
      .handle = make_backup,
  });
  api.add(Endpoint<VerifyRequest, Backup>{
      .route = "POST /api/tenants/{id}/backups/{backup}/verify",
      .summary = "Look at a backup again: size, checksum and listing; or restore it for a test",
      .tag = "Backups",
      .scope = writing,
      .audit = "backup.verification_requested",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable},
      .status = 202,
      .handle = verify_backup,
  });
  api.add(Endpoint<OneBackup, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/backups/{backup}",
      .summary = "Delete a backup; never the only verified one",
      .tag = "Backups",
      .scope = writing,
      .audit = "backup.deleted",
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable, last_backup,
                   backup_of_others},
      .step_up = true,
      .handle = delete_backup,
  });
  api.add(Endpoint<RestoreRequest, Operation>{
      .route = "POST /api/tenants/{id}/backups/{backup}/restore",
      .summary = "Replace a tenant's data with a backup's; today's are backed up first",
      .tag = "Backups",
      .scope = writing,
      .audit = "backup.restore_requested",
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable,
                   tenants::state_conflict, tenants::operation_running},
      .status = 202,
      .step_up = true,
      .handle = restore_backup,
  });

  api.add(Endpoint<OneBackup, http::File>{
      .route = "GET /api/tenants/{id}/backups/{backup}/download",
      .summary = "Download a backup: everything that the tenant has stored",
      .tag = "Backups",
      .scope = writing,
      .audit = "backup.downloaded",
      .limit = http::per_minute(10),
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable},
      .lane = http::Lane::files,
      .step_up = true,
      .content_type = "application/zstd",
      .handle =
          [this](http::Context& context, OneBackup const& request) {
            return download(context, request.id, request.backup);
          },
  });

  add_new_tenant_endpoint(api);
}

}  // namespace backups
