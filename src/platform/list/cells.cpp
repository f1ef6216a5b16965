// What PostgreSQL sends as people read it, by the type of its column.
#include "platform/list/rows.hpp"
#include "platform/list/writers.hpp"
#include "platform/money/money.hpp"

namespace list {

namespace {
using types::Form;

/// "4900" of euros as 49.00, without groups: a spreadsheet calculates with it.
void write_money(std::string& out, std::string_view minor_units, std::string_view currency,
                 char decimal_point) {
  auto const places = std::size_t(money::decimals(currency));
  if (minor_units.starts_with('-')) {
    out += '-';
    minor_units.remove_prefix(1);
  }
  std::string digits{minor_units};
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  out.append(digits, 0, digits.size() - places);
  if (places) out += decimal_point + digits.substr(digits.size() - places);
}

/// In the currency that stands beside it.
bool is_money(std::string_view member) {
  return member == "amount" || member.starts_with("amount_");
}

/// Calls `each(heading, member, column, currency's column)` in the order of headings().
template <class Each>
void each_column(types::Type const& type, std::vector<db::Columns::Place> const& places,
                 std::string const& prefix, Each&& each) {
  auto const members = type.members();
  int currency = -1;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].name == "currency" && members[i].type->when_set().form == Form::text)
      currency = places[i].column;
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto const heading = prefix + std::string{members[i].name};
    if (!places[i].parts.empty())
      each_column(members[i].type->when_set(), places[i].parts, heading + ".", each);
    else
      each(heading, *members[i].type, places[i].column, is_money(members[i].name) ? currency : -1);
  }
}
}  // namespace

std::string_view without_zone(std::string_view time) {
  auto const clock = time.find(' ');
  return clock == std::string_view::npos ? time : time.substr(0, time.find_first_of(".+-", clock));
}

void Cells::find_places(db::Columns const& columns) {
  std::vector<Place> all;
  each_column(*sheet_.list.row, columns.places(), {},
              [&](std::string const& heading, types::Type const& type, int column, int currency) {
                auto const& set = type.when_set();
                auto const& one = set.form == Form::list ? *set.inner : set;
                bool const is_code =
                    one.form == Form::enumeration || declared_group(sheet_.list, heading);
                all.push_back({heading, &set, column, currency, is_code});
              });
  for (auto const at : sheet_.wish.columns) places_.push_back(all[at]);
}

void Cells::write(Cell& out, Place const& place, types::Type const& type, std::string_view text,
                  std::optional<std::string_view> currency) const {
  switch (type.form) {
    case Form::optional:
      return write(out, place, *type.inner, text, currency);
    case Form::boolean:
      out.text += sheet_.words.boolean(text == "t");
      out.is_text = sheet_.words.are_spoken();
      return;
    case Form::integer:
      out.is_number = true;
      if (currency)
        write_money(out.text, text, *currency, decimal_point_);
      else
        out.text += text;
      return;
    case Form::time:  // in the zone that was asked for, as PostgreSQL writes it
      out.text += sheet_.wish.format == Format::pdf || sheet_.wish.format == Format::csv_es
                      ? without_zone(text)
                      : text;
      return;
    case Form::number:
      out.is_number = true;
      for (char c : text) out.text += c == '.' ? decimal_point_ : c;
      return;
    case Form::id:
      out.text += type.prefix;
      out.text += '_';
      out.text += text;
      return;
    case Form::list: {
      for (bool first = true; auto const& item : db::read_array(text)) {
        if (!std::exchange(first, false)) out.text += ", ";
        write(out, place, *type.inner, item, {});
      }
      out.is_text = true;
      return;
    }
    case Form::object: {
      i18n::Message message;
      db::read_value(text, type, &message);
      out.text += sheet_.words.message(message);
      out.is_text = true;
      return;
    }
    default:
      if (place.is_code)
        out.text += sheet_.words.value(place.heading, text);
      else
        out.text += text;
      out.is_text = true;
  }
}

void Cells::read(std::vector<Cell>& out, db::Columns const& columns, int index) {
  if (places_.empty()) find_places(columns);
  out.resize(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    auto const& place = places_[i];
    out[i].text.clear();
    out[i].is_text = out[i].is_number = false;
    auto const text = columns.cell(index, place.column);
    if (!text) continue;
    auto const currency = place.currency < 0 ? std::nullopt : columns.cell(index, place.currency);
    write(out[i], place, *place.type, *text, currency);
  }
}

}  // namespace list
