// What an invoice's papers make in the books: the cases of D12 to D14 and D17, to the cent.
#include "ledger/entries.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "ledger/recognition.hpp"

namespace {
using namespace ledger;
using Rows = std::vector<std::string>;

Time at(std::string_view text) { return *clock_source::parse(text); }
Time day(std::string const& text) { return at(text + "T00:00:00Z"); }

/// "at kind part amount" of one book.
Rows rows(std::vector<Entry> const& entries, Book book) {
  Rows out;
  for (auto const& entry : entries) {
    if (entry.book != book) continue;
    auto row =
        clock_source::rfc3339(entry.at).substr(0, 10) + " " + std::string{name_of(entry.kind)};
    for (auto const& part : {entry.part, entry.reverses.value_or("")})
      if (!part.empty()) row += " " + part;
    out.push_back(row + " " + std::to_string(entry.amount));
  }
  return out;
}

Obligation obligation(Entry const& entry) {
  return {entry.at, *entry.service_start, *entry.service_end, entry.amount};
}

/// "revenue contra deferred" of each month, with all that later months have.
Rows months(std::vector<Entry> const& entries, std::vector<std::string> const& firsts) {
  Rows out;
  for (std::size_t i = 0; i + 1 < firsts.size(); ++i) {
    auto const starts = day(firsts[i]), ends = day(firsts[i + 1]);
    std::int64_t revenue = 0, contra = 0, deferred = 0;
    for (auto const& entry : entries) {
      if (entry.book != Book::revenue || entry.at >= ends) continue;
      auto const part =
          recognised_between(obligation(entry), entry.reverses.has_value(), starts, ends);
      revenue += part.revenue;
      contra += part.contra;
      deferred += entry.amount - recognised_before(obligation(entry), ends);
    }
    out.push_back(std::to_string(revenue) + " " + std::to_string(contra) + " " +
                  std::to_string(deferred));
  }
  return out;
}

std::int64_t sum(std::vector<Entry> const& entries, Book book) {
  std::int64_t out = 0;
  for (auto const& entry : entries)
    if (entry.book == book) out += entry.amount;
  return out;
}

Payment paid(std::string const& id, std::int64_t amount, std::string const& when) {
  return {id, amount, day(when), true};
}

/// Three months of a plan and its set-up, with tax, paid at once.
Papers plan_and_setup() {
  auto const begin = day("2026-01-16");
  return {.invoice = {.id = "in_1",
                      .currency = "eur",
                      .total = 18150,
                      .due = 18150,
                      .finalised_at = begin,
                      .paid_at = begin,
                      .lines = {{"il_plan", "", 10000, 2100, begin, day("2026-04-16")},
                                {"il_setup", "", 5000, 1050, begin, begin}},
                      .payments = {paid("inpay_1", 18150, "2026-01-16")}}};
}
Refund refund(std::string const& id, std::int64_t amount, std::string const& when) {
  return {id, "eur", amount, day(when)};
}
Rows const spring{"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"};

/// One line of 3000 for June, tax-free.
Papers june() {
  auto const begin = day("2026-06-01");
  return {.invoice = {.id = "in_1",
                      .currency = "eur",
                      .total = 3000,
                      .due = 3000,
                      .finalised_at = begin,
                      .lines = {{"il_1", "", 3000, 0, begin, day("2026-07-01")}}}};
}
Rows const summer{"2026-06-01", "2026-07-01", "2026-08-01"};
}  // namespace

TEST_CASE("the worked example of D17") {
  auto papers = plan_and_setup();
  papers.refunds = {refund("re_1", 6050, "2026-03-01")};
  auto const entries = entries_of(papers);
  CHECK(rows(entries, Book::revenue) ==
        Rows{"2026-01-16 line il_plan 10000", "2026-01-16 line il_setup 5000",
             "2026-03-01 refund re_1 il_plan -3333", "2026-03-01 refund re_1 il_setup -1667"});
  CHECK(months(entries, spring) ==
        Rows{"6778 0 8222", "3111 0 5111", "2295 -3296 1112", "1112 0 0"});
  CHECK(rows(entries, Book::cash) ==
        Rows{"2026-01-16 payment inpay_1 18150", "2026-03-01 refund re_1 -6050"});

  SUBCASE("a second refund of the rest ends every cell at its own amount") {
    papers.refunds.push_back(refund("re_2", 12100, "2026-03-20"));
    CHECK(rows(entries_of(papers), Book::revenue) ==
          Rows{"2026-01-16 line il_plan 10000", "2026-01-16 line il_setup 5000",
               "2026-03-01 refund re_1 il_plan -3333", "2026-03-01 refund re_1 il_setup -1667",
               "2026-03-20 refund re_2 il_plan -6667", "2026-03-20 refund re_2 il_setup -3333"});
    CHECK(sum(entries_of(papers), Book::revenue) == 0);
    CHECK(sum(entries_of(papers), Book::cash) == 0);
  }
  SUBCASE("all of it on that day") {
    papers.refunds = {refund("re_1", 18150, "2026-03-01")};
    CHECK(months(entries_of(papers), spring) ==
          Rows{"6778 0 8222", "3111 0 5111", "0 -9889 0", "0 0 0"});
  }
  SUBCASE("one that failed comes back when it failed, and the next one is as if it had not been") {
    papers.refunds[0].failed_at = day("2026-03-10");
    papers.refunds.push_back(refund("re_2", 6050, "2026-03-20"));
    auto const both = entries_of(papers);
    CHECK(rows(both, Book::cash) ==
          Rows{"2026-01-16 payment inpay_1 18150", "2026-03-01 refund re_1 -6050",
               "2026-03-10 refund_failed re_1 6050", "2026-03-20 refund re_2 -6050"});
    CHECK(rows(both, Book::revenue) ==
          Rows{"2026-01-16 line il_plan 10000", "2026-01-16 line il_setup 5000",
               "2026-03-01 refund re_1 il_plan -3333", "2026-03-01 refund re_1 il_setup -1667",
               "2026-03-10 refund_failed re_1 il_plan 3333",
               "2026-03-10 refund_failed re_1 il_setup 1667",
               "2026-03-20 refund re_2 il_plan -3333", "2026-03-20 refund re_2 il_setup -1667"});
  }
  SUBCASE("nothing is taken back before it was given, whatever clocks say") {
    papers.refunds[0].failed_at = day("2026-02-10");
    papers.notes = {
        {.id = "cn_1", .at = day("2026-03-02"), .voided_at = day("2026-02-02"), .total = 1815}};
    auto const made = entries_of(papers);
    CHECK(sum(made, Book::cash) == 18150);
    CHECK(sum(made, Book::revenue) == 15000);
    for (auto const& entry : made)
      if (entry.kind == Kind::refund_failed) CHECK(entry.at == day("2026-03-01"));
  }
  SUBCASE(
      "one that a credit note names is cash only, and the note's lines are what is taken back") {
    papers.notes = {{.id = "cn_1",
                     .at = day("2026-03-02"),
                     .total = 6050,
                     .lines = {{"il_setup", 5000, 1050}},
                     .refunds = {{"re_1", 6050}}}};
    CHECK(rows(entries_of(papers), Book::revenue) ==
          Rows{"2026-01-16 line il_plan 10000", "2026-01-16 line il_setup 5000",
               "2026-03-02 credit_note cn_1 il_setup -5000"});
    CHECK(sum(entries_of(papers), Book::cash) == 12100);
    papers.notes[0].refunds = {{"re_1", 6000}};
    CHECK(rows(entries_of(papers), Book::revenue).size() == 5);  // 50 without a note
  }
}

TEST_CASE("the order in which papers lie makes no difference") {
  auto papers = plan_and_setup();
  papers.refunds = {refund("re_1", 6050, "2026-03-01"), refund("re_2", 50, "2026-03-02"),
                    refund("re_3", 60, "2026-02-02")};
  papers.notes = {{.id = "cn_1", .at = day("2026-02-10"), .total = 605},
                  {.id = "cn_2", .at = day("2026-02-01"), .total = 606}};
  auto const expected = entries_of(papers);
  std::reverse(papers.refunds.begin(), papers.refunds.end());
  std::reverse(papers.notes.begin(), papers.notes.end());
  CHECK(entries_of(papers) == expected);
}

TEST_CASE("three credit notes over 99.99 and 20 % end at 99.99 and 20.00") {
  auto const begin = day("2026-01-01");
  Papers papers{.invoice = {.id = "in_1",
                            .currency = "eur",
                            .total = 11999,
                            .due = 11999,
                            .finalised_at = begin,
                            .lines = {{"il_1", "", 9999, 2000, begin, day("2026-02-01")}}}};
  papers.notes = {{.id = "cn_1", .at = day("2026-01-02"), .total = 4000},
                  {.id = "cn_2", .at = day("2026-01-03"), .total = 4000},
                  {.id = "cn_3", .at = day("2026-01-04"), .total = 3999}};
  CHECK(rows(entries_of(papers), Book::revenue) ==
        Rows{"2026-01-01 line il_1 9999", "2026-01-02 credit_note cn_1 il_1 -3333",
             "2026-01-03 credit_note cn_2 il_1 -3334", "2026-01-04 credit_note cn_3 il_1 -3332"});
}

TEST_CASE("a void invoice earns nothing, and what it had earned is contra") {
  auto papers = june();
  papers.invoice.voided_at = day("2026-06-11");
  auto const entries = entries_of(papers);
  CHECK(months(entries, summer) == Rows{"1000 -1000 0", "0 0 0"});
  CHECK(rows(entries, Book::receivable) ==
        Rows{"2026-06-01 finalised 3000", "2026-06-11 voided -3000"});
  CHECK(rows(entries, Book::cash).empty());
  CHECK(sum(entries, Book::invoiced) == 3000);
}

TEST_CASE("a draft is in no book") {
  auto papers = june();
  papers.invoice.finalised_at.reset();
  CHECK(entries_of(papers).empty());
}

TEST_CASE("what is uncollectible is written off as far as it is unpaid, and may be paid later") {
  auto papers = june();
  papers.invoice.payments = {paid("inpay_1", 1000, "2026-06-05")};
  papers.invoice.uncollectible_at = day("2026-06-16");
  auto const written_off = entries_of(papers);
  CHECK(rows(written_off, Book::receivable) == Rows{"2026-06-01 finalised 3000",
                                                    "2026-06-05 payment inpay_1 -1000",
                                                    "2026-06-16 uncollectible -2000"});
  CHECK(months(written_off, summer) == Rows{"2000 -1000 0", "0 0 0"});

  papers.invoice.payments.push_back(paid("inpay_2", 2000, "2026-07-11"));
  papers.invoice.paid_at = day("2026-07-11");
  auto const entries = entries_of(papers);
  CHECK(rows(entries, Book::receivable) ==
        Rows{"2026-06-01 finalised 3000", "2026-06-05 payment inpay_1 -1000",
             "2026-06-16 uncollectible -2000", "2026-07-11 uncollectible_paid inpay_2 2000",
             "2026-07-11 payment inpay_2 -2000"});
  CHECK(sum(entries, Book::revenue) == 3000);
  CHECK(months(entries, summer) == Rows{"2000 -1000 0", "0 2000 0"});
  CHECK(sum(entries, Book::cash) == 3000);
}

TEST_CASE("a credit note after the write-off is taken from what was written off") {
  auto papers = june();
  papers.invoice.uncollectible_at = day("2026-06-16");
  papers.notes = {{.id = "cn_1",
                   .at = day("2026-06-20"),
                   .total = 1000,
                   .before_payment = 1000,
                   .lines = {{"il_1", 1000, 0}}}};
  auto const before = entries_of(papers);
  CHECK(sum(before, Book::receivable) == 0);
  CHECK(sum(before, Book::revenue) == 0);
  papers.invoice.payments = {paid("inpay_1", 2000, "2026-07-11")};
  papers.invoice.paid_at = day("2026-07-11");
  auto const entries = entries_of(papers);
  CHECK(sum(entries, Book::receivable) == 0);
  CHECK(sum(entries, Book::revenue) == 2000);
}

TEST_CASE("a credit note before payment lowers the receivable until it is void") {
  auto papers = june();
  papers.notes = {{.id = "cn_1",
                   .at = day("2026-06-11"),
                   .voided_at = day("2026-06-21"),
                   .total = 600,
                   .before_payment = 600,
                   .lines = {{"il_1", 600, 0}}}};
  auto const entries = entries_of(papers);
  CHECK(rows(entries, Book::receivable) == Rows{"2026-06-01 finalised 3000",
                                                "2026-06-11 credit_note cn_1 -600",
                                                "2026-06-21 credit_note_voided cn_1 600"});
  CHECK(rows(entries, Book::revenue) == Rows{"2026-06-01 line il_1 3000",
                                             "2026-06-11 credit_note cn_1 il_1 -600",
                                             "2026-06-21 credit_note_voided cn_1 il_1 600"});
  CHECK(months(entries, summer) == Rows{"2800 200 0", "0 0 0"});
}

TEST_CASE("a credit note's line of no invoice line goes over the nets") {
  auto papers = plan_and_setup();
  papers.notes = {{.id = "cn_1", .at = day("2026-02-01"), .total = 1500, .lines = {{"", 1500, 0}}}};
  CHECK(rows(entries_of(papers), Book::revenue) ==
        Rows{"2026-01-16 line il_plan 10000", "2026-01-16 line il_setup 5000",
             "2026-02-01 credit_note cn_1 il_plan -1000",
             "2026-02-01 credit_note cn_1 il_setup -500"});
}

TEST_CASE("a refund that failed after its credit note and is made once more takes revenue once") {
  auto papers = plan_and_setup();
  papers.notes.push_back(
      {.id = "cn_1", .at = day("2026-03-01"), .total = 6050, .refunds = {{"re_1", 6050}}});
  papers.refunds = {{.id = "re_1",
                     .currency = "eur",
                     .amount = 6050,
                     .at = day("2026-03-01"),
                     .failed_at = day("2026-03-05")}};
  auto const before = sum(entries_of(papers), Book::revenue);
  CHECK(before == 10000);
  CHECK(sum(entries_of(papers), Book::cash) == 18150);
  papers.refunds.push_back({.id = "re_2",
                            .currency = "eur",
                            .amount = 6050,
                            .at = day("2026-03-06"),
                            .failed_at = day("2026-03-07"),
                            .repeats = "re_1"});
  papers.refunds.push_back({.id = "re_3",
                            .currency = "eur",
                            .amount = 6050,
                            .at = day("2026-03-08"),
                            .repeats = "re_2"});
  CHECK(sum(entries_of(papers), Book::revenue) == before);
  CHECK(sum(entries_of(papers), Book::cash) == 12100);
  // One that says that it repeats itself, or what nobody knows, is its own.
  papers.refunds.push_back({.id = "re_4",
                            .currency = "eur",
                            .amount = 1210,
                            .at = day("2026-03-09"),
                            .repeats = "re_gone"});
  CHECK(sum(entries_of(papers), Book::revenue) == before - 1000);
}

TEST_CASE("a dispute takes back what was lost, when it was lost") {
  auto papers = plan_and_setup();
  papers.disputes = {{"du_1", "eur", 6050, {}}};
  CHECK(sum(entries_of(papers), Book::cash) == 18150);  // open, or won
  CHECK(sum(entries_of(papers), Book::revenue) == 15000);
  papers.disputes[0].lost_at = day("2026-03-01");
  auto const lost = entries_of(papers);
  CHECK(rows(lost, Book::cash) ==
        Rows{"2026-01-16 payment inpay_1 18150", "2026-03-01 dispute_lost du_1 -6050"});
  CHECK(months(lost, spring) == Rows{"6778 0 8222", "3111 0 5111", "2295 -3296 1112", "1112 0 0"});
  // Never more than there was.
  papers.refunds = {refund("re_1", 18150, "2026-03-02")};
  CHECK(sum(entries_of(papers), Book::revenue) == 0);
}

TEST_CASE("what was paid otherwise is no cash of Stripe's, and closes the receivable") {
  auto papers = june();
  papers.invoice.payments = {paid("inpay_1", 1000, "2026-06-05"),
                             {"out_of_band", 2000, day("2026-06-20"), false}};
  papers.invoice.paid_at = day("2026-06-20");
  auto const entries = entries_of(papers);
  CHECK(rows(entries, Book::cash) ==
        Rows{"2026-06-05 payment inpay_1 1000", "2026-06-20 other out_of_band 2000"});
  CHECK(rows(entries, Book::receivable) == Rows{"2026-06-01 finalised 3000",
                                                "2026-06-05 payment inpay_1 -1000",
                                                "2026-06-20 other out_of_band -2000"});
}

TEST_CASE("the customer's balance is neither cash nor receivable") {
  auto papers = june();
  papers.invoice.due = 0;
  papers.invoice.paid_at = day("2026-06-01");
  auto const entries = entries_of(papers);
  CHECK(rows(entries, Book::cash).empty());
  CHECK(rows(entries, Book::receivable).empty());
  CHECK(sum(entries, Book::invoiced) == 3000);
  CHECK(sum(entries, Book::revenue) == 3000);
  // More than was due is the customer's credit.
  papers = june();
  papers.invoice.payments = {paid("inpay_1", 3100, "2026-06-05")};
  papers.invoice.paid_at = day("2026-06-05");
  CHECK(rows(entries_of(papers), Book::receivable) == Rows{"2026-06-01 finalised 3000",
                                                           "2026-06-05 payment inpay_1 -3100",
                                                           "2026-06-05 settled 100"});
}

TEST_CASE("dunning: what was open at the first failure, and what was paid after it") {
  auto papers = june();
  papers.invoice.payments = {paid("inpay_1", 500, "2026-06-02")};
  papers.first_failure = day("2026-06-03");
  CHECK(rows(entries_of(papers), Book::dunning) == Rows{"2026-06-03 failed 2500"});
  papers.invoice.payments.push_back(paid("inpay_2", 2500, "2026-07-04"));
  papers.invoice.paid_at = day("2026-07-04");
  CHECK(rows(entries_of(papers), Book::dunning) ==
        Rows{"2026-06-03 failed 2500", "2026-07-04 recovered 2500"});
  // Covered by a credit note it was not paid.
  papers.invoice.payments.pop_back();
  papers.notes = {{.id = "cn_1", .at = day("2026-07-04"), .total = 2500, .before_payment = 2500}};
  CHECK(rows(entries_of(papers), Book::dunning) == Rows{"2026-06-03 failed 2500"});
}

TEST_CASE("prorations are their items', and an invoice's papers take them back all the same") {
  Item const item{.id = "ii_1",
                  .currency = "eur",
                  .net = -1500,
                  .starts = day("2026-09-16"),
                  .ends = day("2026-10-01"),
                  .booked = day("2026-09-16")};
  Item up = item;
  up.id = "ii_2";
  up.net = 3000;
  Papers papers{
      .invoice = {.id = "in_1",
                  .currency = "eur",
                  .total = 3000,
                  .due = 3000,
                  .finalised_at = day("2026-09-01"),
                  .lines = {{"il_0", "", 3000, 0, day("2026-09-01"), day("2026-10-01")}}}};
  auto entries = entries_of(papers);
  for (auto const& one : {item, up})
    for (auto& entry : entries_of(one)) entries.push_back(entry);
  CHECK(months(entries, {"2026-09-01", "2026-10-01", "2026-11-01"}) == Rows{"4500 0 0", "0 0 0"});

  papers.invoice = {.id = "in_2",
                    .currency = "eur",
                    .total = 1500,
                    .due = 1500,
                    .finalised_at = day("2026-10-01"),
                    .voided_at = day("2026-10-02"),
                    .lines = {{"il_1", "ii_1", -1500, 0, item.starts, item.ends},
                              {"il_2", "ii_2", 3000, 0, item.starts, item.ends}}};
  CHECK(rows(entries_of(papers), Book::revenue) ==
        Rows{"2026-10-02 voided ii_1 1500", "2026-10-02 voided ii_2 -3000"});

  up.deleted_at = day("2026-09-20");
  CHECK(rows(entries_of(up), Book::revenue) ==
        Rows{"2026-09-16 proration ii_2 3000", "2026-09-20 deleted ii_2 ii_2 -3000"});
}

TEST_CASE("currencies without and with three decimals are whole minor units like any other") {
  for (auto const* currency : {"jpy", "kwd"}) {
    auto papers = plan_and_setup();
    papers.invoice.currency = currency;
    papers.refunds = {refund("re_1", 6050, "2026-03-01")};
    papers.refunds[0].currency = currency;
    auto const entries = entries_of(papers);
    CHECK(months(entries, spring) ==
          Rows{"6778 0 8222", "3111 0 5111", "2295 -3296 1112", "1112 0 0"});
    for (auto const& entry : entries) CHECK(entry.currency == currency);
  }
  // Three yen over two lines: nothing is lost, nothing is made.
  auto papers = june();
  papers.invoice.currency = "jpy";
  papers.invoice.total = papers.invoice.due = 3;
  papers.invoice.lines = {{"il_2", "", 1, 0, day("2026-06-01"), day("2026-07-01")},
                          {"il_1", "", 1, 1, day("2026-06-01"), day("2026-07-01")}};
  for (int i = 1; i <= 3; ++i)
    papers.refunds.push_back(
        {"re_" + std::to_string(i), "jpy", 1, day("2026-06-1" + std::to_string(i))});
  CHECK(sum(entries_of(papers), Book::revenue) == 0);
}
