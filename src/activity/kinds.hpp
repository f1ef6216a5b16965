#pragma once
// Everything that can happen, each kind with its fields: pages make the sentence, in their
// language. A kind and its fields are told apart by name for ever; rows of a kind that is gone stay
// readable.
#include "platform/clock/clock.hpp"
#include "platform/money/money.hpp"

namespace activity {

// The life of a tenant.

struct StateChanged {
  static constexpr std::string_view kind = "state_changed";
  std::optional<std::string> from_state{};
  std::string to_state;
  std::optional<std::string> code{};
};
struct ReservationChanged {
  static constexpr std::string_view kind = "reservation_changed";
  std::string from_subdomain;
  std::string from_plan;
  std::string subdomain;
  std::string plan;
};
struct HealthChanged {
  static constexpr std::string_view kind = "health_changed";
  std::string health;
};
struct HoldPlaced {
  static constexpr std::string_view kind = "hold_placed";
  std::string hold;
  std::optional<std::string> note{};
};
struct HoldChanged {
  static constexpr std::string_view kind = "hold_changed";
  std::string hold;
  std::optional<std::string> note{};
};
struct HoldReleased {
  static constexpr std::string_view kind = "hold_released";
  std::string hold;
};
struct DeletionRequested {
  static constexpr std::string_view kind = "deletion_requested";
};
struct DeletionTakenBack {
  static constexpr std::string_view kind = "deletion_taken_back";
};
struct MaintenanceSet {
  static constexpr std::string_view kind = "maintenance_set";
  std::optional<Time> starts_at{};
  std::optional<Time> ends_at{};
};
struct MaintenanceEnded {
  static constexpr std::string_view kind = "maintenance_ended";
};
struct AccessUsed {
  static constexpr std::string_view kind = "access_used";
  std::string login;
};
struct OperationRequested {
  static constexpr std::string_view kind = "operation_requested";
  std::string operation;
  std::string operation_id;
};
/// `state`: succeeded or failed.
struct OperationEnded {
  static constexpr std::string_view kind = "operation_ended";
  std::string operation;
  std::string operation_id;
  std::string state;
  std::optional<std::string> code{};
};
// What it runs on.

struct LimitsApplied {
  static constexpr std::string_view kind = "limits_applied";
  std::int64_t memory_limit_mib = 0;
  std::int64_t cpu_limit_percent = 0;
  std::int64_t process_limit = 0;
  std::int64_t storage_limit_mib = 0;
};
struct ChangeWaits {
  static constexpr std::string_view kind = "change_waits";
  std::string code;
};
struct QuotaWarned {
  static constexpr std::string_view kind = "quota_warned";
  std::int64_t used_bytes = 0;
};
struct QuotaFine {
  static constexpr std::string_view kind = "quota_fine";
  std::int64_t used_bytes = 0;
};
struct SessionsEnded {
  static constexpr std::string_view kind = "sessions_ended";
  std::string what;
  std::int64_t amount = 0;
};
struct FindingResolved {
  static constexpr std::string_view kind = "finding_resolved";
  std::string action;
  std::string finding;
  std::string finding_id;
};
struct BackupMade {
  static constexpr std::string_view kind = "backup_made";
  std::string backup_id;
  std::string reason;
};
struct BackupFailed {
  static constexpr std::string_view kind = "backup_failed";
  std::string backup_id;
  std::string code;
};
struct BackupDamaged {
  static constexpr std::string_view kind = "backup_damaged";
  std::string backup_id;
  std::string code;
};
struct BackupDeleted {
  static constexpr std::string_view kind = "backup_deleted";
  std::string backup_id;
};
struct BackupTested {
  static constexpr std::string_view kind = "backup_tested";
  std::string backup_id;
};
struct Restored {
  static constexpr std::string_view kind = "restored";
  std::string backup_id;
  std::optional<std::string> before_id{};
};
/// `is_back`: what was there before is there again.
struct RestoreBrokeOff {
  static constexpr std::string_view kind = "restore_broke_off";
  std::string backup_id;
  bool is_back = false;
  std::optional<std::string> code{};
};
struct DomainAdded {
  static constexpr std::string_view kind = "domain_added";
  std::string domain;
};
struct DomainRemoved {
  static constexpr std::string_view kind = "domain_removed";
  std::string domain;
};
struct DomainChanged {
  static constexpr std::string_view kind = "domain_changed";
  std::string domain;
  std::string from;
  std::string to;
};
struct CertificateIssued {
  static constexpr std::string_view kind = "certificate_issued";
  std::string domain;
};
struct CertificateUploaded {
  static constexpr std::string_view kind = "certificate_uploaded";
  std::string domain;
};
struct CertificateFailed {
  static constexpr std::string_view kind = "certificate_failed";
  std::string domain;
  std::string code;
  std::optional<std::string> error{};
};
// The money.

struct BillingEndRequested {
  static constexpr std::string_view kind = "billing_end_requested";
  std::string ends;
  std::string refund;
};
struct BillingEnded {
  static constexpr std::string_view kind = "billing_ended";
  std::string subscription;
  Time ends_at{};
  std::vector<money::Amount> given_back{};
};
struct BillingEndFailed {
  static constexpr std::string_view kind = "billing_end_failed";
  std::string error;
};
struct BillingKept {
  static constexpr std::string_view kind = "billing_kept";
  std::string subscription;
};
struct EndTakenBack {
  static constexpr std::string_view kind = "end_taken_back";
  bool runs = false;
  std::vector<money::Amount> dropped{};
  std::vector<money::Amount> given_back{};
};
struct ProrationsDropped {
  static constexpr std::string_view kind = "prorations_dropped";
  std::string subscription;
  std::string currency;
  std::int64_t amount = 0;
};
/// `reason`: renewal, or invoices and how many.
struct PaymentLinkSent {
  static constexpr std::string_view kind = "payment_link_sent";
  std::string reason;
  std::optional<std::int64_t> invoices{};
};
struct PaymentLinkFailed {
  static constexpr std::string_view kind = "payment_link_failed";
  std::string error;
};
struct SubscriptionChanged {
  static constexpr std::string_view kind = "subscription_changed";
  std::string plan;
  std::string currency;
  std::int64_t amount = 0;
  std::string interval;
};
/// Without `error`: the plan is not sold in that currency and interval.
struct PlanNotCharged {
  static constexpr std::string_view kind = "plan_not_charged";
  std::optional<std::string> plan{};
  std::optional<std::string> currency{};
  std::optional<std::string> interval{};
  std::optional<std::string> error{};
};
/// `at`: when it begins; none: as soon as it is paid.
struct PlanOrdered {
  static constexpr std::string_view kind = "plan_ordered";
  std::string plan;
  std::optional<Time> at{};
  std::int64_t quantity = 1;
};
/// `why`: as billing_plan_orders.dropped_why.
struct PlanOrderDropped {
  static constexpr std::string_view kind = "plan_order_dropped";
  std::string plan;
  std::string why;
};
struct Refunded {
  static constexpr std::string_view kind = "refunded";
  std::optional<std::string> subscription{};
  std::vector<money::Amount> refunded{};
  std::vector<money::Amount> credited{};
  bool under_way = false;
};
struct SecondPaymentReturned {
  static constexpr std::string_view kind = "second_payment_returned";
  std::string subscription;
  std::vector<money::Amount> refunded{};
  std::vector<money::Amount> credited{};
  bool under_way = false;
};
/// Its owner had had a subscription before: nothing was charged.
struct TrialRefused {
  static constexpr std::string_view kind = "trial_refused";
  std::string subscription;
};
/// `outcome`: runs, refunded or needs_person.
struct LatePayment {
  static constexpr std::string_view kind = "late_payment";
  std::string invoice;
  std::string outcome;
  std::string currency;
  std::int64_t paid = 0;
  std::optional<std::int64_t> given_back{};
  std::optional<Time> until{};
  std::optional<std::string> error{};
};
// What its customer does on their own page.

struct PortalLinkSent {
  static constexpr std::string_view kind = "portal_link_sent";
};
struct PortalOpened {
  static constexpr std::string_view kind = "portal_opened";
};
/// `type`: card, sepa_debit and the like.
struct PaymentMethodChosen {
  static constexpr std::string_view kind = "payment_method_chosen";
  std::string type;
  std::optional<std::string> brand{};
  std::optional<std::string> last4{};
};
/// `feedback`: Stripe's word for why.
struct CancellationRequested {
  static constexpr std::string_view kind = "cancellation_requested";
  std::string subscription;
  std::optional<Time> ends_at{};
  std::string feedback;
  std::optional<std::string> comment{};
};
struct CancellationTakenBack {
  static constexpr std::string_view kind = "cancellation_taken_back";
  std::string subscription;
};
/// So much less for so long, instead of cancelling.
struct StayOfferTaken {
  static constexpr std::string_view kind = "stay_offer_taken";
  std::string subscription;
  std::int64_t percent_off = 0;
  std::int64_t months = 0;
};
// What its customer is told.

/// `kept`: no mail server is set, it stays in the outbox.
struct MailSent {
  static constexpr std::string_view kind = "mail_sent";
  std::string mail_id;
  std::string template_name;
  bool kept = false;
  static constexpr auto fields() {
    return ::fields(field("mail_id", &MailSent::mail_id),
                    field("template", &MailSent::template_name), field("kept", &MailSent::kept));
  }
};
struct MailFailed {
  static constexpr std::string_view kind = "mail_failed";
  std::string mail_id;
  std::string template_name;
  std::string error;
  static constexpr auto fields() {
    return ::fields(field("mail_id", &MailFailed::mail_id),
                    field("template", &MailFailed::template_name),
                    field("error", &MailFailed::error));
  }
};
/// The mail server of its reader does not take it.
struct MailBounced {
  static constexpr std::string_view kind = "mail_bounced";
  std::string mail_id;
  std::string template_name;
  std::string error;
  static constexpr auto fields() {
    return ::fields(field("mail_id", &MailBounced::mail_id),
                    field("template", &MailBounced::template_name),
                    field("error", &MailBounced::error));
  }
};
/// It was not sent. `reason`: bounced (there is no such address) or declined (by its reader).
struct MailSuppressed {
  static constexpr std::string_view kind = "mail_suppressed";
  std::string mail_id;
  std::string template_name;
  std::string reason;
  static constexpr auto fields() {
    return ::fields(field("mail_id", &MailSuppressed::mail_id),
                    field("template", &MailSuppressed::template_name),
                    field("reason", &MailSuppressed::reason));
  }
};
/// A thing of the config, before and after.
template <FixedString Kind, class Value>
struct Changed {
  static constexpr std::string_view kind = Kind.view();
  Value from, to;
};
using SubdomainChanged = Changed<"subdomain_changed", std::string>;
using PlanChanged = Changed<"plan_changed", std::string>;
using PlanQuantityChanged = Changed<"plan_quantity_changed", std::int64_t>;
using MaxUsersChanged = Changed<"max_users_changed", std::int64_t>;
using StorageLimitChanged = Changed<"storage_limit_changed", std::int64_t>;
using MemoryLimitChanged = Changed<"memory_limit_changed", std::int64_t>;
using CpuLimitChanged = Changed<"cpu_limit_changed", std::int64_t>;
using ProcessLimitChanged = Changed<"process_limit_changed", std::int64_t>;

/// All of them, for whoever needs their names.
using Kinds = std::tuple<
    StateChanged, ReservationChanged, HealthChanged, HoldPlaced, HoldChanged, HoldReleased,
    DeletionRequested, DeletionTakenBack, MaintenanceSet, MaintenanceEnded, AccessUsed,
    OperationRequested, OperationEnded, LimitsApplied, ChangeWaits, QuotaWarned, QuotaFine,
    SessionsEnded, FindingResolved, BackupMade, BackupFailed, BackupDamaged, BackupDeleted,
    BackupTested, Restored, RestoreBrokeOff, DomainAdded, DomainRemoved, DomainChanged,
    CertificateIssued, CertificateUploaded, CertificateFailed, BillingEndRequested, BillingEnded,
    BillingEndFailed, BillingKept, EndTakenBack, ProrationsDropped, PaymentLinkSent,
    PaymentLinkFailed, SubscriptionChanged, PlanNotCharged, PlanOrdered, PlanOrderDropped, Refunded,
    SecondPaymentReturned, TrialRefused, LatePayment, PortalLinkSent, PortalOpened,
    PaymentMethodChosen, CancellationRequested, CancellationTakenBack, StayOfferTaken, MailSent,
    MailFailed, MailBounced, MailSuppressed, SubdomainChanged, PlanChanged, PlanQuantityChanged,
    MaxUsersChanged, StorageLimitChanged, MemoryLimitChanged, CpuLimitChanged, ProcessLimitChanged>;

template <class T>
concept Kind = []<class... K>(std::tuple<K...>*) {
  return (std::is_same_v<T, K> || ...);
}(static_cast<Kinds*>(nullptr));

/// Whether there is such a kind today.
constexpr bool is_kind(std::string_view name) {
  return [&]<class... K>(std::tuple<K...>*) {
    return ((K::kind == name) || ...);
  }(static_cast<Kinds*>(nullptr));
}

}  // namespace activity
