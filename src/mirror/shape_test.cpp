#include "mirror/shape.hpp"

#include <doctest/doctest.h>

namespace {
stripe::Object object(std::string text) {
  for (auto& letter : text)
    if (letter == '\'') letter = '"';
  return stripe::parse(text);
}
std::string natural(std::string const& text) {
  auto out = boost::json::serialize(mirror::natural(object(text)));
  for (auto& letter : out)
    if (letter == '"') letter = '\'';
  return out;
}
std::string differences(std::string const& ours, std::string const& theirs) {
  auto out = boost::json::serialize(mirror::differences(object(ours), object(theirs)));
  for (auto& letter : out)
    if (letter == '"') letter = '\'';
  return out;
}
}  // namespace

TEST_CASE("what was expanded is an id again, what stands in an object by nature stays") {
  CHECK(natural("{'id':'re_1','object':'refund','charge':{'id':'ch_1','object':'charge'}}") ==
        "{'id':'re_1','object':'refund','charge':'ch_1'}");
  CHECK(natural("{'payments':{'object':'list','data':[{'id':'inpay_1','object':'invoice_payment',"
                "'payment':{'payment_intent':{'id':'pi_1','object':'payment_intent',"
                "'client_secret':'pi_1_secret_x'}}}]}}") ==
        "{'payments':{'object':'list','data':[{'id':'inpay_1','object':'invoice_payment',"
        "'payment':{'payment_intent':'pi_1'}}]}}");
  for (std::string const same :
       {"{'items':{'object':'list','data':[{'id':'si_1','price':{'id':'price_1','object':'price'}}"
        "]}}",
        "{'default_tax_rates':[{'id':'txr_1','object':'tax_rate','percentage':21}]}",
        "{'balance_transactions':[{'id':'txn_1','object':'balance_transaction','created':1}]}",
        "{'discounts':['di_1'],'metadata':{'id':'x'},'name':null}"})
    CHECK(natural(same) == same);
  CHECK(natural("{'discounts':[{'id':'di_1','object':'discount'}],'client_secret':'x'}") ==
        "{'discounts':['di_1']}");
}

TEST_CASE("objects are compared by their members, entries of lists by their ids") {
  CHECK(differences("{'a':1,'b':null,'c':{},'d':[]}", "{'a':1}") == "{}");
  CHECK(differences("{'a':1,'deep':{'x':1}}", "{'a':2,'deep':{'x':1,'y':true}}") ==
        "{'a':[1,2],'deep.y':[null,true]}");
  CHECK(differences("{'receipt_url':'a','url':'b'}", "{'receipt_url':'c'}") == "{}");
  std::string const one = "{'id':'il_1','object':'line_item','amount':1}",
                    two = "{'id':'il_2','object':'line_item','amount':2}",
                    three = "{'id':'il_2','object':'line_item','amount':3}";
  auto const lines = [](std::string const& entries) {
    return "{'lines':{'object':'list','has_more':false,'data':[" + entries + "]}}";
  };
  CHECK(differences(lines(one + "," + two), lines(two + "," + one)) == "{}");
  CHECK(differences(lines(one + "," + two), lines(one + "," + three)) ==
        "{'lines.il_2.amount':[2,3]}");
  CHECK(differences(lines(one), lines("")) ==
        "{'lines.il_1':[{'id':'il_1','object':'line_item','amount':1},null]}");
  // A price that was renamed is another object's difference.
  CHECK(differences("{'price':{'id':'price_1','object':'price','nickname':'a'}}",
                    "{'price':{'id':'price_1','object':'price','nickname':'b'}}") == "{}");
}
