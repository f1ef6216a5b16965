// Answering a bank: a draft is kept at Stripe, and one answer is given that nobody takes back.
#include "billing/caution.hpp"
#include "billing/disputes.hpp"
#include "billing/following.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/installation/installation.hpp"

namespace billing {

namespace {
constexpr ProblemType dispute_decided{Kind::conflict, "dispute_decided",
                                      "This dispute is decided: the bank takes no answer any more"};
constexpr ProblemType evidence_submitted{Kind::conflict, "evidence_submitted",
                                         "The bank has our answer already: it takes one only"};
constexpr ProblemType evidence_overdue{Kind::conflict, "evidence_overdue",
                                       "The day until which the bank takes an answer is over"};
constexpr ProblemType nothing_told{Kind::conflict, "nothing_told",
                                   "Nothing is written down yet that the bank could be told"};

/// A minute later nobody waits for the answer any more.
constexpr std::chrono::minutes check_after{1};
/// All texts together, with room for what JSON needs.
constexpr std::size_t body_limit = 512 * 1024;

struct OneDispute {
  std::string id;
  static constexpr auto rules() {
    return ::rules(rule(&OneDispute::id, {.doc = "Our id, or Stripe's", .max_length = 255}));
  }
};
struct Telling {
  std::string id;
  Evidence evidence;
  static constexpr auto rules() {
    return ::rules(
        rule(&Telling::id, {.doc = "Our id, or Stripe's", .max_length = 255}),
        rule(&Telling::evidence, {.doc = "All texts; what is left out is told no more"}));
  }
};
struct AnswerReply {
  AnswerOutcome outcome;
  DisputeStatus status;
  std::optional<std::string> refusal;
  static constexpr auto rules() {
    return ::rules(rule(&AnswerReply::outcome,
                        {.doc = "being_checked: Stripe has not answered yet, and it is told once; "
                                "answered_already: otherwise, before this one"}),
                   rule(&AnswerReply::status, {.doc = "Of the dispute, by now"}),
                   rule(&AnswerReply::refusal, {.doc = "Stripe's code for why it refused"}));
  }
};

void require_open(AnswerHindrance hindrance) {
  switch (hindrance) {
    case AnswerHindrance::none:
      return;
    case AnswerHindrance::submitted:
      throw Problem{evidence_submitted};
    case AnswerHindrance::decided:
      throw Problem{dispute_decided};
    case AnswerHindrance::overdue:
      throw Problem{evidence_overdue};
  }
}

/// The dispute, when the bank may still be told something about it.
Dispute to_answer(http::Context& context, std::string const& id) {
  auto dispute = dispute_in_full(context.tx, id);
  context.audit_target = dispute.id.text();
  if (installation::is_copy(context.tx)) throw Problem{installation_is_copy};
  require_open(dispute.hindrance);
  return dispute;
}

Dispute view(http::Context& context, OneDispute const& request) {
  auto dispute = dispute_in_full(context.tx, request.id);
  http::add_version(context.response, dispute.version);
  return dispute;
}

Evidence suggest(http::Context& context, OneDispute const& request) {
  return from_our_records(context.tx, context.settings, dispute_in_full(context.tx, request.id).id);
}

Dispute save(http::Context& context, Telling const& request) {
  auto const before = to_answer(context, request.id);
  http::require_version(context.request, before.version, {json::text(before)});
  stripe::Visit const visit;
  try {
    write_draft(context.worker.connection, stripe::Client{context.settings},
                before.stripe_dispute_id, request.evidence, stripe::Patience::visitor);
  } catch (stripe::Unavailable const& away) {
    throw Problem{stripe_away, {}, away.what()}.retry_after(10);
  } catch (stripe::Refused const& refused) {
    // Somebody was quicker: our rows learn it, and say what it was.
    follow_up(context.worker.connection, stripe::Client{context.settings},
              {{"dispute", before.stripe_dispute_id}});
    require_open(dispute_in_full(context.tx, request.id).hindrance);
    throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  }
  auto after = dispute_in_full(context.tx, request.id);
  context.audit_before = {json::text(before.evidence)};
  context.audit_after = {json::text(after.evidence)};
  http::add_version(context.response, after.version);
  return after;
}

AnswerEnd carry_out(http::Context& context, AnswerId answer) {
  stripe::Visit const visit;
  try {
    return carry_out_answer(context.worker.connection, stripe::Client{context.settings}, answer,
                            stripe::Patience::visitor);
  } catch (stripe::Unavailable const&) {
    return {AnswerOutcome::being_checked};
  } catch (stripe::Refused const& refused) {
    throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  }
}

std::optional<AnswerId> begin(http::Context& context, Dispute const& dispute, AnswerWish wish,
                              Evidence const& evidence) {
  return db::transact(context.worker.connection, [&](db::Tx& tx) {
    auto const begun = begin_answer(tx, dispute, wish, evidence, context.actor.label());
    if (begun) {
      jobs::enqueue(tx, CheckAnswer{*begun}, {.run_at = clock_source::now() + check_after});
      context.note_begun(tx, std::to_string(*begun));
    }
    return begun;
  });
}

AnswerReply reply(http::Context& context, std::string const& id, std::optional<AnswerId> answer) {
  auto const end = answer ? carry_out(context, *answer) : AnswerEnd{AnswerOutcome::being_checked};
  auto const dispute = dispute_in_full(context.tx, id);
  context.audit_target = dispute.id.text();
  AnswerReply out{.outcome = end.outcome, .status = dispute.status, .refusal = {}};
  if (!end.refusal.empty()) out.refusal = end.refusal;
  context.audit_after = {json::text(out)};
  return out;
}

AnswerReply submit(http::Context& context, Telling const& request) {
  if (auto const begun = context.begun()) return reply(context, request.id, std::stoll(*begun));
  auto const dispute = to_answer(context, request.id);
  if (!says_something(request.evidence) && dispute.files.empty()) throw Problem{nothing_told};
  http::require_version(context.request, dispute.version, {json::text(dispute)});
  return reply(context, request.id,
               begin(context, dispute, AnswerWish::submission, request.evidence));
}

AnswerReply accept(http::Context& context, OneDispute const& request) {
  if (auto const begun = context.begun()) return reply(context, request.id, std::stoll(*begun));
  auto const dispute = to_answer(context, request.id);
  return reply(context, request.id, begin(context, dispute, AnswerWish::acceptance, {}));
}
}  // namespace

void add_dispute_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneDispute, Dispute>{
      .route = "GET /api/billing/disputes/{id}",
      .summary = "Read one dispute, with what is written down against it and what helps",
      .tag = "Billing",
      .scope = "billing:read",
      .problems = {dispute_not_found},
      .handle = view,
  });
  api.add(http::Endpoint<OneDispute, Evidence>{
      .route = "GET /api/billing/disputes/{id}/suggestion",
      .summary = "Read what our own records say about a dispute, as a bank would read it",
      .tag = "Billing",
      .scope = "billing:write",
      .problems = {dispute_not_found},
      .handle = suggest,
  });
  api.add(http::Endpoint<Telling, Dispute>{
      .route = "PUT /api/billing/disputes/{id}/evidence",
      .summary = "Write down at Stripe what the bank is to be told, without telling it yet",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "dispute.evidence_saved",
      .limit = http::per_minute(60),
      .problems = {dispute_not_found, dispute_decided, evidence_submitted, evidence_overdue,
                   installation_is_copy, http::version_required, http::version_outdated,
                   stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .body_limit = body_limit,
      .handle = save,
  });
  api.add(http::Endpoint<Telling, AnswerReply>{
      .route = "POST /api/billing/disputes/{id}/submission",
      .summary = "Tell the bank, once and for all",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "dispute.submitted",
      .limit = http::per_minute(20),
      .problems = {dispute_not_found, dispute_decided, evidence_submitted, evidence_overdue,
                   nothing_told, installation_is_copy, http::version_required,
                   http::version_outdated, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .step_up = true,
      .body_limit = body_limit,
      .handle = submit,
  });
  api.add(http::Endpoint<OneDispute, AnswerReply>{
      .route = "POST /api/billing/disputes/{id}/acceptance",
      .summary = "Accept a dispute as lost, without telling the bank anything",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "dispute.accepted",
      .limit = http::per_minute(20),
      .problems = {dispute_not_found, dispute_decided, evidence_submitted, evidence_overdue,
                   installation_is_copy, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .step_up = true,
      .handle = accept,
  });
}

}  // namespace billing
