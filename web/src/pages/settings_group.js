// The page of one group of settings; which one, its name says.

import { startConsole } from "../elements/console-shell.js"
import { showSettingsForm } from "../elements/settings-form.js"
import { openSettings } from "../elements/settings-page.js"

const group = (document.documentElement.dataset.page ?? "").replace("settings_", "")

startConsole().then(
  user => openSettings(() => showSettingsForm(group, user.scopes.includes("settings:write"))),
  () => {},
)
