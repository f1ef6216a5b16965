// How an answer to a bank is given: what is true at Stripe is looked at before and after, and only
// that decides.
#include "billing/disputes.hpp"
#include "billing/following.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Answer {
  AnswerId id;
  std::string stripe_dispute_id;
  AnswerWish wish;
  Evidence evidence;
  std::optional<Time> sent_at;
  std::optional<AnswerOutcome> outcome;
  std::optional<std::string> refusal;
};
db::Query const insert_answer{"billing.begin_dispute_answer", R"sql(
  INSERT INTO billing_dispute_orders (customer_id, stripe_dispute_id, wish, evidence, asked_by,
                                      asked_at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id
)sql"};
db::Query const load_answer{"billing.load_dispute_answer", R"sql(
  SELECT id, stripe_dispute_id, wish, evidence, sent_at, outcome, refusal
    FROM billing_dispute_orders WHERE id = $1
)sql"};
db::Query const mark_sent{"billing.mark_dispute_answer_sent", R"sql(
  UPDATE billing_dispute_orders SET sent_at = coalesce(sent_at, $2) WHERE id = $1
)sql"};
db::Query const write_end{"billing.end_dispute_answer", R"sql(
  UPDATE billing_dispute_orders SET outcome = $2, refusal = nullif($3, ''), ended_at = $4
   WHERE id = $1 AND outcome IS NULL
)sql"};

Answer load(db::Connection& connection, AnswerId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<Answer>(load_answer, id);
}

std::string status_of(stripe::Client const& client, std::string const& dispute,
                      stripe::Patience patience) {
  return stripe::text(client.get("/v1/disputes/" + dispute, {}, patience), "status");
}

bool waits(std::string_view status) {
  return status == "needs_response" || status == "warning_needs_response";
}

/// What is at Stripe when nothing waits for an answer any more.
AnswerEnd end_by(std::string_view status, AnswerWish wish, bool was_sent) {
  if (!was_sent) return {AnswerOutcome::answered_already};
  if (wish == AnswerWish::submission) return {AnswerOutcome::submitted};
  return {status == "lost" ? AnswerOutcome::accepted : AnswerOutcome::answered_already};
}

http_client::Form form_of(Evidence const& evidence, bool submits) {
  http_client::Form form;
  each_text(evidence, [&](std::string_view name, std::string_view text) {
    form.add("evidence[" + std::string{name} + "]", std::string{text});
  });
  form.add("submit", submits ? "true" : "false");
  return form;
}

/// What Stripe refuses is an answer; what it does not answer is thrown.
std::optional<stripe::Refused> send(stripe::Client const& client, Answer const& answer,
                                    stripe::Patience patience) {
  auto const path = "/v1/disputes/" + answer.stripe_dispute_id;
  auto const mark = "answer-" + answer.stripe_dispute_id + "-" + std::to_string(answer.id);
  bool const submits = answer.wish == AnswerWish::submission;
  auto const form = submits ? form_of(answer.evidence, true) : http_client::Form{};
  try {
    client.post(submits ? path : path + "/close", form, stripe::key_of(mark, form), patience);
  } catch (stripe::Refused const& refused) {
    logging::warning("billing", "the {} of {} is refused: {}", name_of(answer.wish),
                     answer.stripe_dispute_id, refused.what());
    return refused;
  }
  return {};
}

AnswerEnd give(db::Connection& connection, stripe::Client const& client, Answer const& answer,
               stripe::Patience patience) {
  auto const before = status_of(client, answer.stripe_dispute_id, patience);
  if (!waits(before)) return end_by(before, answer.wish, answer.sent_at.has_value());
  db::transact(connection, [&](db::Tx& tx) { tx.exec(mark_sent, answer.id, clock_source::now()); });
  auto const refused = send(client, answer, patience);
  auto const after = status_of(client, answer.stripe_dispute_id, patience);
  if (!waits(after)) return end_by(after, answer.wish, !refused);
  return {AnswerOutcome::refused, !refused                ? ""
                                  : refused->code.empty() ? refused->type
                                                          : refused->code};
}

void end_answer(db::Tx& tx, AnswerId answer, AnswerEnd const& end) {
  tx.exec(write_end, answer, end.outcome, end.refusal, clock_source::now());
  realtime::announce(tx, "dashboard");
}

retention::Kept const kept_answers{"billing_dispute_orders",
                                   "the books: what was told to banks, and who told it"};
}  // namespace

std::optional<AnswerId> begin_answer(db::Tx& tx, DisputeFacts const& dispute, AnswerWish wish,
                                     Evidence const& evidence, std::string_view asked_by) {
  return tx.maybe<AnswerId>(insert_answer, dispute.customer_id, dispute.stripe_dispute_id, wish,
                            RawJson{json::text(evidence)}, asked_by, clock_source::now());
}

AnswerEnd carry_out_answer(db::Connection& connection, stripe::Client const& client, AnswerId id,
                           stripe::Patience patience) {
  auto const answer = load(connection, id);
  if (answer.outcome) return {*answer.outcome, answer.refusal.value_or("")};
  auto const end = give(connection, client, answer, patience);
  follow_up(connection, client, {{"dispute", answer.stripe_dispute_id}});
  db::transact(connection, [&](db::Tx& tx) { end_answer(tx, id, end); });
  return end;
}

void write_draft(db::Connection& connection, stripe::Client const& client,
                 std::string const& stripe_dispute, Evidence const& evidence,
                 stripe::Patience patience) {
  client.post("/v1/disputes/" + stripe_dispute, form_of(evidence, false),
              stripe::key_once("draft-" + stripe_dispute), patience);
  follow_up(connection, client, {{"dispute", stripe_dispute}});
}

void add_dispute_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<CheckAnswer>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](CheckAnswer const& args) {
            return "billing.dispute_answer:" + std::to_string(args.answer_id);
          },
      .run =
          [&settings](jobs::Context& job, CheckAnswer const& args) {
            with_stripe(job, [&] {
              carry_out_answer(job.connection, stripe::Client{settings}, args.answer_id,
                               stripe::Patience::background);
            });
          },
      .dead =
          [](db::Tx& tx, CheckAnswer const& args, std::string const&) {
            end_answer(tx, args.answer_id, {AnswerOutcome::unknown});
          }});
}

}  // namespace billing
