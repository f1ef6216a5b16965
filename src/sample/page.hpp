#pragma once
// The sample application's one page, in both languages.
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock/clock.hpp"
#include "platform/i18n/i18n.hpp"

namespace sample {

struct Note {
  std::string text;
  Time created_at;
};

struct PageContent {
  std::string title, notice;
  bool unavailable = false, forbidden = false, link_used = false, may_enter = false;
  bool owner = false;
  std::string company;
  std::int64_t note_count = 0;
  std::vector<Note> notes;
};

/// HTML; every text of people is escaped.
[[nodiscard]] std::string render(PageContent const& content, i18n::Locale locale);
[[nodiscard]] std::string_view stylesheet();

}  // namespace sample
