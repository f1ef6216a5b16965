// Stripe's objects in their present shape and in former ones.
#include "ledger/papers.hpp"

#include <doctest/doctest.h>

namespace {
using namespace ledger;

stripe::Object object(std::string const& json) { return boost::json::parse(json).as_object(); }
Time seconds(std::int64_t at) { return clock_source::from_unix_seconds(at); }
}  // namespace

TEST_CASE("an invoice in the present shape") {
  auto const invoice =
      invoice_of(object(R"({"id":"in_1","currency":"eur","status":"paid","total":12100,
    "starting_balance":-2100,"ending_balance":0,"amount_paid":10000,"created":50,
    "status_transitions":{"finalized_at":100,"paid_at":200,"voided_at":null,
                          "marked_uncollectible_at":150},
    "payments":{"data":[
      {"id":"inpay_0","status":"canceled","amount_paid":null},
      {"id":"inpay_1","status":"paid","amount_paid":10000,"status_transitions":{"paid_at":190},
       "payment":{"type":"payment_intent","payment_intent":"pi_1"}}]},
    "lines":{"data":[
      {"id":"il_1","amount":12100,"period":{"start":100,"end":400},
       "discount_amounts":[{"amount":1000,"discount":"di_1"}],
       "taxes":[{"amount":1926,"tax_behavior":"inclusive"},{"amount":10,"tax_behavior":"exclusive"}],
       "parent":{"subscription_item_details":{"proration":false,"invoice_item":null},
                 "invoice_item_details":null}},
      {"id":"il_2","amount":-500,"period":{"start":100,"end":400},"taxes":[],
       "parent":{"subscription_item_details":{"proration":true,"invoice_item":"ii_1"}}},
      {"id":"il_3","amount":700,"taxes":null,
       "parent":{"invoice_item_details":{"proration":false,"invoice_item":"ii_2"}}}]}})"));
  CHECK(invoice.due == 10000);
  CHECK(invoice.finalised_at == seconds(100));
  CHECK(invoice.paid_at == seconds(200));
  CHECK(invoice.uncollectible_at == seconds(150));
  CHECK(!invoice.voided_at);
  REQUIRE(invoice.payments.size() == 1);
  CHECK(invoice.payments[0].at == seconds(190));
  CHECK(invoice.payments[0].through_stripe);
  REQUIRE(invoice.lines.size() == 3);
  CHECK(invoice.lines[0].net == 12100 - 1000 - 1926);
  CHECK(invoice.lines[0].tax == 1936);
  CHECK(invoice.lines[0].ends == seconds(400));
  CHECK(invoice.lines[0].key() == "il_1");
  CHECK(invoice.lines[1].key() == "ii_1");
  CHECK(invoice.lines[2].key() == "il_3");
  CHECK(!invoice.lines[2].starts);
}

TEST_CASE("an invoice in a former shape") {
  std::string const text =
      R"({"id":"in_1","currency":"eur","status":"paid","paid":true,"total":10000,
    "starting_balance":0,"ending_balance":0,"amount_paid":10000,"charge":"ch_1",
    "status_transitions":{"finalized_at":100,"paid_at":200},
    "lines":{"data":[{"id":"il_1","amount":12100,"discount_amounts":[],"proration":true,
      "invoice_item":"ii_1","period":{"start":100,"end":400},
      "tax_amounts":[{"amount":2100,"inclusive":true},{"amount":5,"inclusive":false}]}]})";
  auto const invoice = invoice_of(object(text + "}"));
  CHECK(invoice.lines[0].net == 10000);
  CHECK(invoice.lines[0].tax == 2105);
  CHECK(invoice.lines[0].key() == "ii_1");
  REQUIRE(invoice.payments.size() == 1);
  CHECK(invoice.payments[0].amount == 10000);
  CHECK(invoice.payments[0].at == seconds(200));
  CHECK(invoice.payments[0].through_stripe);
  auto const cash = invoice_of(object(text + R"(,"paid_out_of_band":true})"));
  REQUIRE(cash.payments.size() == 1);
  CHECK(cash.payments[0].amount == 10000);
  CHECK(!cash.payments[0].through_stripe);
}

TEST_CASE("what was paid out of band, whether the sum of what was paid holds it or not") {
  for (auto const* paid : {"1000", "3000"}) {
    auto const invoice = invoice_of(
        object(std::string{
                   R"({"id":"in_1","currency":"eur","status":"paid","total":3000,"amount_paid":)"} +
               paid + R"(,"amount_paid_off_stripe":2000,
      "status_transitions":{"finalized_at":100,"paid_at":200},
      "payments":{"data":[
        {"id":"inpay_1","status":"paid","amount_paid":1000,"status_transitions":{"paid_at":150},
         "payment":{"type":"payment_intent"}},
        {"id":"inpay_2","status":"paid","amount_paid":500,"status_transitions":{"paid_at":160},
         "payment":{"type":"payment_record"}}]}})"));
    REQUIRE(invoice.payments.size() == 3);
    CHECK(!invoice.payments[1].through_stripe);
    CHECK(invoice.payments[2].amount == 1500);
    CHECK(invoice.payments[2].at == seconds(200));
    CHECK(!invoice.payments[2].through_stripe);
  }
}

TEST_CASE("drafts have no lines, void invoices know since when") {
  auto const draft = invoice_of(object(R"({"id":"in_1","status":"draft","total":3000,"created":5,
    "lines":{"data":[{"id":"il_1","amount":3000}]}})"));
  CHECK(!draft.finalised_at);
  CHECK(draft.lines.empty());
  auto const gone = invoice_of(object(R"({"id":"in_1","status":"void","total":3000,"created":5,
    "status_transitions":{"finalized_at":10,"voided_at":20}})"));
  CHECK(gone.voided_at == seconds(20));
}

TEST_CASE("credit notes") {
  auto const note =
      credit_note_of(object(R"({"id":"cn_1","created":10,"status":"issued","total":1210,
    "pre_payment_amount":210,"voided_at":null,"refunds":[{"refund":"re_1","amount_refunded":700},
    {"refund":{"id":"re_2"},"amount_refunded":300}],
    "lines":{"data":[{"invoice_line_item":"il_1","amount":1310,"discount_amount":100,
      "taxes":[{"amount":210,"tax_behavior":"inclusive"}]},{"amount":100,"taxes":[]}]}})"));
  CHECK(note.before_payment == 210);
  CHECK(!note.voided_at);
  REQUIRE(note.lines.size() == 2);
  CHECK(note.lines[0].net == 1000);
  CHECK(note.lines[0].tax == 210);
  CHECK(note.lines[1].line.empty());
  CHECK(note.refunds == std::map<std::string, std::int64_t>{{"re_1", 700}, {"re_2", 300}});
  auto const former =
      credit_note_of(object(R"({"id":"cn_1","created":10,"status":"void","total":500,
    "voided_at":20,"type":"pre_payment","refund":"re_3"})"));
  CHECK(former.before_payment == 500);
  CHECK(former.voided_at == seconds(20));
  CHECK(former.lines.empty());
  CHECK(former.refunds.contains("re_3"));
}

TEST_CASE(
    "refunds that failed and disputes that were lost, dated by events or as well as it goes") {
  auto const failed = object(R"({"id":"re_1","currency":"eur","amount":5,"created":10,
    "status":"failed","failure_balance_transaction":{"id":"txn_1","created":30}})");
  CHECK(refund_of(failed, seconds(20)).failed_at == seconds(20));
  CHECK(refund_of(failed, {}).failed_at == seconds(30));
  CHECK(refund_of(object(R"({"id":"re_1","created":10,"status":"canceled"})"), {}).failed_at ==
        seconds(10));
  CHECK(!refund_of(object(R"({"id":"re_1","created":10,"status":"succeeded"})"), {}).failed_at);
  auto const lost = object(R"({"id":"du_1","amount":5,"created":10,"status":"lost"})");
  CHECK(dispute_of(lost, seconds(20)).lost_at == seconds(20));
  CHECK(dispute_of(lost, {}).lost_at == seconds(10));
  for (auto const* status : {"won", "needs_response", "warning_closed"})
    CHECK(
        !dispute_of(object(std::string{R"({"id":"du_1","created":10,"status":")"} + status + "\"}"),
                    seconds(20))
             .lost_at);
}

TEST_CASE("only prorations earn before they are invoiced, and their invoice knows better") {
  std::string const text = R"({"id":"ii_1","currency":"eur","amount":1210,"date":10,
    "period":{"start":10,"end":40},"proration":)";
  CHECK(!item_of(object(text + "false}")));
  auto const waiting = item_of(object(text + "true}"));
  REQUIRE(waiting);
  CHECK(waiting->net == 1210);
  CHECK(waiting->booked == seconds(10));
  Line const line{.id = "il_1",
                  .item = "ii_1",
                  .net = 1000,
                  .tax = 210,
                  .starts = seconds(10),
                  .ends = seconds(40)};
  Invoice const invoice{.id = "in_1", .currency = "eur", .finalised_at = seconds(100)};
  CHECK(item_of(line, invoice, waiting).net == 1000);
  CHECK(item_of(line, invoice, waiting).booked == seconds(10));
  CHECK(item_of(line, invoice, {}).booked == seconds(100));
}
