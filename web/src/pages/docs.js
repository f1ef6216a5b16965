// Starts Swagger UI on our own description of the API. Nothing is asked of another host.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js"
import { startPreferences } from "../elements/preferences.js"

const system = matchMedia("(prefers-color-scheme: dark)")

startPreferences()
followTheme()
system.addEventListener("change", followTheme)
new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] })

SwaggerUI({
  url: "/openapi.json",
  domNode: document.getElementById("reference"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  withCredentials: true,
})

// Swagger UI has a dark look of its own, switched by a class on the root.
function followTheme() {
  const chosen = document.documentElement.dataset.theme
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches)
}
