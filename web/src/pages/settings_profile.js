// One's own name, language, password and second factors.

import { startConsole } from "../elements/console-shell.js"

startConsole().catch(() => {})
