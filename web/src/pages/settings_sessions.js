// Where one is logged in, and how to end that.

import { startConsole } from "../elements/console-shell.js"

startConsole().catch(() => {})
