// Whether there are fonts at all: Pango ends the program when it finds none.
#include <fontconfig/fontconfig.h>

#include "platform/pdf/document.hpp"

namespace pdf {

namespace {
bool knows_fonts() {
  auto const* const fonts = FcConfigGetFonts(nullptr, FcSetSystem);
  return fonts && fonts->nfont > 0;
}
}  // namespace

bool has_fonts() {
  if (knows_fonts()) return true;
  FcInitBringUptoDate();  // perhaps they have been installed since
  return knows_fonts();
}

}  // namespace pdf
