// Every capability on one screen: its doors, its jobs, what it listens to.
#include "activity/activity.hpp"
#include "analytics/rollups.hpp"
#include "app/application.hpp"
#include "app/documents.hpp"
#include "app/mails.hpp"
#include "app/pages.hpp"
#include "audit/trail.hpp"
#include "billing/caution.hpp"
#include "billing/comparison.hpp"
#include "billing/credit_orders.hpp"
#include "billing/disputes.hpp"
#include "billing/electronic_invoice.hpp"
#include "billing/endings.hpp"
#include "billing/failures.hpp"
#include "billing/invoice_view.hpp"
#include "billing/late_payments.hpp"
#include "billing/method_orders.hpp"
#include "billing/owed.hpp"
#include "billing/payment_links.hpp"
#include "billing/plan_changes.hpp"
#include "billing/plan_orders.hpp"
#include "billing/plan_quantities.hpp"
#include "billing/promotions.hpp"
#include "billing/refund_orders.hpp"
#include "billing/renewals.hpp"
#include "billing/retries.hpp"
#include "billing/rights.hpp"
#include "dunning/dunning.hpp"
#include "identity/api_keys/api_keys.hpp"
#include "identity/authentication/authentication.hpp"
#include "identity/guards/login_throttle.hpp"
#include "identity/keys/rotation.hpp"
#include "identity/mails.hpp"
#include "identity/people/team.hpp"
#include "identity/sessions/sessions.hpp"
#include "identity/standing.hpp"
#include "invariants/invariants.hpp"
#include "ledger/rebuild.hpp"
#include "monitoring/first_steps.hpp"
#include "monitoring/growth.hpp"
#include "monitoring/jobs.hpp"
#include "organisation/organisation.hpp"
#include "organisation/retention_periods.hpp"
#include "platform/jobs/pruning.hpp"
#include "platform/list/batch.hpp"
#include "platform/list/exports.hpp"
#include "platform/mail/mail.hpp"
#include "portal/portal.hpp"
#include "reports/reports.hpp"
#include "security/security.hpp"
#include "tenants/access.hpp"
#include "tenants/endpoints.hpp"
#include "views/views.hpp"

namespace app {

namespace {
list::People people_of(identity::Directory& directory, config::Settings const& settings) {
  return {.may =
              [&directory](list::Asker const& asker, std::string_view scope) {
                return identity::may_still(*directory.now(), asker.staff_id, asker.api_key_id,
                                           scope);
              },
          .write_to =
              [&settings](db::Tx& tx, std::int64_t staff, mail::Template const& text,
                          std::map<std::string, std::string> values) {
                identity::write_to(tx, settings, {staff}, text, std::move(values));
              }};
}
}  // namespace

void add_everything(Application& application) {
  auto& api = application.api_;
  auto& engine = application.engine_;

  api.on_audit(audit::write);
  audit::add_endpoints(api);
  auto& directory = application.directory_;
  auto const& settings = application.settings_;
  identity::authentication::add_endpoints(api, directory, settings, application.factors_);
  identity::sessions::add_endpoints(api, directory, settings);
  identity::people::add_profile_endpoints(api, directory);
  identity::factors::add_second_factor_endpoints(api, directory, settings, application.factors_);
  identity::factors::add_passkey_endpoints(api, directory, settings, application.factors_);
  identity::people::add_people_endpoints(api, directory);
  identity::people::add_invitation_endpoints(api, directory);
  identity::people::add_role_endpoints(api, directory);
  identity::api_keys::add_endpoints(api, directory);
  security::add_event_endpoints(api, directory);
  security::add_switch_endpoints(api, directory, application.vault_);
  security::add_workers(engine, application.settings_, application.vault_);

  tenants::add_endpoints(api, &application.blueprints_);
  tenants::add_access_endpoint(api, application.vault_);
  application.domains_.add_endpoints(api);
  application.domains_.add_workers(engine);
  application.signups_.add_endpoints(api);
  application.signups_.add_event_handlers(application.events_);
  application.signups_.add_workers(engine);

  application.events_.add_endpoints(api);
  application.events_.add_workers(engine);
  billing::add_subscription_workers(engine);
  ledger::add_workers(engine);
  billing::add_invoice_endpoints(api);
  billing::add_electronic_invoice_endpoints(api);
  billing::add_right_workers(engine);
  dunning::add_exception_endpoints(api);
  dunning::add_calendar_endpoint(api);
  dunning::add_workers(engine, application.settings_);
  billing::add_payment_link_endpoint(api);
  billing::add_payment_link_worker(engine, application.settings_);
  billing::add_failure_list(api);
  billing::add_retry_endpoint(api);
  billing::add_retry_workers(engine, application.settings_);
  billing::add_refund_list(api);
  billing::add_refund_endpoints(api);
  billing::add_refund_workers(engine, application.settings_);
  billing::add_method_list(api);
  billing::add_method_endpoints(api);
  billing::add_method_workers(engine, application.settings_);
  billing::add_credit_note_list(api);
  billing::add_credit_endpoint(api);
  billing::add_credit_workers(engine, application.settings_);
  billing::add_dispute_list(api);
  billing::add_dispute_endpoints(api);
  billing::add_dispute_workers(engine, application.settings_);
  billing::add_late_payment_endpoint(api);
  billing::add_late_payment_workers(engine, application.settings_);
  billing::add_renewal_workers(engine, application.settings_);
  billing::add_ending_workers(engine, application.settings_);
  billing::add_comparison_endpoint(api);
  billing::add_owed_endpoints(api);
  billing::add_owed_workers(engine, application.settings_);
  billing::add_comparison_worker(engine, application.settings_);
  billing::add_plan_preview_endpoint(api);
  billing::add_promotion_endpoints(api);
  billing::add_discount_endpoints(api);
  billing::add_plan_order_endpoints(api);
  billing::add_plan_change_workers(engine, application.settings_);
  billing::add_quantity_worker(engine);
  billing::add_plan_order_worker(engine, application.settings_);
  provisioning::add_endpoints(application.world_, api);
  application.world_.keeper = application.backups_.keeper();
  provisioning::add_workers(application.world_, engine);
  application.backups_.add_endpoints(api);
  application.backups_.add_workers(engine);
  portal::add_endpoints(api);
  portal::add_workers(engine, application.settings_);
  mail::on_foot(organisation::imprint);
  mail::on_look([](db::Tx& tx) {
    auto const branding = settings::read<organisation::Branding>(tx, "branding");
    return mail::Look{branding.name, branding.accent_colour};
  });
  mail::add_workers(engine, application.settings_, activity::record_mail);
  identity::guards::add_workers(engine, application.settings_);
  identity::keys::add_workers(engine, application.vault_);
  organisation::add_settings(application.groups_, api);
  organisation::add_retention_settings(application.groups_, api);
  dunning::add_settings(application.groups_, api);
  portal::add_settings(application.groups_, api);
  billing::add_payment_settings(application.groups_, api);
  auto const people = people_of(directory, settings);
  list::on_issuer(organisation::issuer_of);
  list::add_export_endpoints(api);
  list::add_export_worker(engine, api, application.settings_, people, page_of_list);
  list::add_batch_worker(engine, api, people.may);
  jobs::add_pruning(engine, organisation::periods_of(application.groups_));
  analytics::add_workers(engine);
  invariants::add_endpoints(api);
  invariants::add_workers(engine);

  application.dashboard_.add_endpoints(api);
  monitoring::add_first_steps(api);
  monitoring::add_growth(api, application.groups_);
  monitoring::add_jobs(api);
  reports::add_cash(api, application.groups_);
  reports::add_trends(api, application.groups_);
  reports::add_dunning(api, application.groups_);
  reports::add_recognised(api, application.groups_);
  reports::add_growth(api, application.groups_);
  reports::add_cohorts(api, application.groups_);
  reports::add_movements(api);
  reports::add_rates(api, application.groups_);
  activity::add_endpoints(api);
  views::add_endpoints(api);
  add_mails(api);
  add_mail_suppressions(api);
  add_mail_texts(api);
  add_documents(api, application.readiness_, [&application] { return application.working(); });
  add_pages(api, application.groups_);
}

}  // namespace app
