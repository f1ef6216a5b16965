#pragma once
// The form for a card or a bank debit: shown, read and checked the same way on every page.
#include <optional>

#include "sandbox/html.hpp"
#include "sandbox/store.hpp"

namespace sandbox {

/// What was typed, and what is wrong with it (field name and sentence).
struct CardForm {
  std::string email, card_number, card_expiry, card_cvc, cardholder_name;
  std::string method = "card";           // or bank_debit
  std::string bank_result = "succeeds";  // or fails, waits
  std::string vat_id = {};
  std::vector<std::pair<std::string, std::string>> errors = {};  // in the fields' order
  std::string refusal = {};  // of the bank, for the form as a whole

  [[nodiscard]] bool by_card() const { return method != "bank_debit"; }
};

struct FormLook {
  Locale locale;
  std::string action, token, button;
  bool asks_email = false;
  bool asks_vat_id = false;
  bool offers_bank_debit = true;
};

[[nodiscard]] std::string render(CardForm const& form, FormLook const& look);
/// Takes the fields of a posted form; a "fill" button puts a test card in.
[[nodiscard]] CardForm read_card_form(
    std::vector<std::pair<std::string, std::string>> const& fields);
/// Fills form.errors; true when there are none.
bool check(CardForm& form, Locale locale, bool asks_email);
/// The payment method that a checked form stands for; inserted.
[[nodiscard]] Object method_of(Store& store, CardForm const& form);
/// The bank's refusal in the customer's words.
[[nodiscard]] std::string refusal_text(std::string_view decline_code, Locale locale);

}  // namespace sandbox
