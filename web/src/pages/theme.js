// Runs before the first paint, so that a chosen theme or colour never flashes another one.

import { applyTheme, chosenTheme } from "../lib/theme.js"

applyTheme(chosenTheme())
const { accent } = document.documentElement.dataset
if (accent) document.documentElement.style.setProperty("--accent", accent)
