#pragma once
// What cairo 1.16 leaves out of a file's catalogue (ISO 32000-1 §7.7.2): the language, that there
// are tags, and that a window is named by the title.
#include <string>
#include <string_view>

namespace pdf {

/// Appends an update of the catalogue (§7.5.6). A file whose catalogue cannot be found in the plain
/// form of cairo 1.16 stays as it is.
void tell_language(std::string& file, std::string_view language);

}  // namespace pdf
