// Pages that only show text still have the language and theme controls.

import { startPreferences } from "../elements/preferences.js"

startPreferences()
