// Colours are named by meaning, once for light and once for dark; contrast is at least 4.5 : 1.
#include "sandbox/assets.hpp"

namespace sandbox {

std::string_view stylesheet() {
  return R"css(
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --surface: #ffffff; --text: #1b2130; --quiet: #5b6472;
  --line: #d5dae2; --strong-line: #7b8494; --action: #4f46e5; --action-text: #ffffff;
  --wrong: #b42318; --wrong-ground: #fef1f0; --note-ground: #fff4d6; --note-text: #6b4a00;
  --good: #146c3c; --focus: #4f46e5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11141b; --surface: #191d27; --text: #eceff4; --quiet: #a3acbb;
    --line: #333a48; --strong-line: #8a93a3; --action: #a5a0ff; --action-text: #12131c;
    --wrong: #ff9b91; --wrong-ground: #3a1f1d; --note-ground: #3b2f0c; --note-text: #ffdf8a;
    --good: #7fdca4; --focus: #a5a0ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 0 0 1rem; }
h3 { font-size: .9rem; margin: 0 0 .5rem; }
a { color: var(--action); } code { font: .9em ui-monospace, monospace; }
.quiet { color: var(--quiet); font-size: .9em; }
.banner { margin: 0; padding: .6rem 1rem; background: var(--note-ground);
  color: var(--note-text); text-align: center; font-size: .95rem; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }

.checkout { display: grid; gap: 2rem; max-width: 68rem; margin: 0 auto;
  padding: 1.5rem 1rem 3rem; }
.merchant { display: flex; gap: 1rem; margin: 0 0 1.5rem; font-weight: 600; }
.merchant a { font-weight: 400; }
.amount { font-size: 2.25rem; font-weight: 700; margin: .25rem 0 1rem;
  font-variant-numeric: tabular-nums; }
.amount small { font-size: 1rem; font-weight: 400; color: var(--quiet); }
.lines { margin: 1rem 0 0; }
.lines div { display: flex; justify-content: space-between; gap: 1rem; padding: .6rem 0;
  border-bottom: 1px solid var(--line); }
.lines dd { margin: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
.lines .total { border: 0; font-weight: 700; }
.pay { background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem; }
.known { margin: 0 0 1rem; } .known .quiet { display: block; }

.payment { display: grid; gap: 1rem; }
.field { display: grid; gap: .3rem; }
.field label, legend { font-weight: 600; font-size: .92rem; padding: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.card-fields { display: grid; gap: 1rem; }
input:not([type=radio]) { width: 100%; min-height: 44px; padding: .5rem .75rem;
  border: 1px solid var(--strong-line); border-radius: 8px; background: var(--surface);
  color: var(--text); font: inherit; }
input[aria-invalid=true] { border: 2px solid var(--wrong); }
input::placeholder { color: var(--quiet); opacity: 1; }
fieldset { border: 0; margin: 0; padding: 0; display: grid; gap: .25rem; }
.choice { display: flex; align-items: center; gap: .6rem; min-height: 44px; }
.choice input { width: 1.2rem; height: 1.2rem; accent-color: var(--action); margin: 0; }
.payment:has([value=card]:checked) .bank-fields,
  .payment:has([value=bank_debit]:checked) .card-fields { display: none; }
.error { margin: 0; color: var(--wrong); font-size: .92rem; }
.problems { border: 1px solid var(--wrong); background: var(--wrong-ground); color: var(--wrong);
  border-radius: 8px; padding: .75rem 1rem; margin: 0 0 1rem; }
.problems p { margin: 0; font-weight: 600; }
.problems ul { margin: .25rem 0 0; padding-left: 1.2rem; } .problems a { color: inherit; }
button { min-height: 44px; padding: .5rem 1rem; border: 1px solid var(--strong-line);
  border-radius: 8px; background: var(--surface); color: var(--text); font: inherit;
  cursor: pointer; }
.primary { display: inline-block; border: 0; border-radius: 8px; background: var(--action);
  color: var(--action-text); font-weight: 600; text-decoration: none; text-align: center;
  padding: .7rem 1.25rem; }
.primary:hover { filter: brightness(1.08); }
.primary[aria-disabled=true] { opacity: .65; cursor: progress; }
.hints { border-top: 1px solid var(--line); padding-top: 1rem; }
.hints ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .4rem; }
.hints button { width: 100%; display: flex; flex-wrap: wrap; justify-content: space-between;
  align-items: center; gap: 0 1rem; text-align: left; font-size: .9rem; }

.note { max-width: 34rem; margin: 3rem auto; padding: 1.5rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: 12px; }
.bank form { display: grid; gap: .75rem; margin-top: 1.5rem; }
.state { font-weight: 600; } .state.paid { color: var(--good); }
.state.open { color: var(--note-text); }

.overview { max-width: 80rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; display: grid;
  gap: 2rem; } .overview > * { min-width: 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
.inline { display: inline-flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  margin-right: .5rem; } .inline label { display: flex; gap: .4rem; align-items: center; }
.inline input { width: auto !important; min-height: 36px !important; }
.inline button { min-height: 36px; padding: .25rem .75rem; }

@media (min-width: 860px) { .checkout { grid-template-columns: 1fr 1fr; gap: 4rem;
  padding-top: 3rem; } .summary { padding-top: 1.25rem; } }
@media (prefers-reduced-motion: no-preference) { .primary { transition: filter .12s; } }
)css";
}

std::string_view script() {
  return R"js(// Small comforts; the pages work without them.
const form = document.querySelector("form.payment");
if (form) {
  const field = (name) => form.elements.namedItem(name);
  const year = new Date().getFullYear() + 4;

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    event.preventDefault();
    const card = form.querySelector("[name=method][value=card]");
    if (card) card.checked = true;
    field("card_number").value = button.dataset.fill;
    field("card_expiry").value = `12 / ${String(year % 100).padStart(2, "0")}`;
    field("card_cvc").value = "123";
    field("cardholder_name").value ||= "Jenny Rosen";
    document.getElementById("pay").focus();
  });

  field("card_number").addEventListener("input", ({ target }) => {
    if (target.selectionStart !== target.value.length) return;
    target.value = target.value.replace(/\D/g, "").slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 ");
  });

  field("card_expiry").addEventListener("input", ({ target, inputType }) => {
    if (inputType?.startsWith("delete") || target.selectionStart !== target.value.length) return;
    const digits = target.value.replace(/\D/g, "").slice(0, 6);
    target.value = digits.length >= 2 ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits;
  });

  form.addEventListener("submit", (event) => {
    const pay = document.getElementById("pay");
    if (pay.getAttribute("aria-disabled") === "true") event.preventDefault();
    pay.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => document.getElementById("pay").removeAttribute("aria-disabled"));
}
)js";
}

}  // namespace sandbox
