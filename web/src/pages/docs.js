// Starts Swagger UI on our own description of the API. Nothing is asked of another host.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js"
import { startPreferences } from "../elements/preferences.js"
import { showHours } from "../elements/site-footer.js"
import { byId } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const reference = byId("reference", HTMLDivElement)
const system = matchMedia("(prefers-color-scheme: dark)")

startPreferences()
showHours()
new MutationObserver(fitIntoPage).observe(reference, { childList: true, subtree: true })
followTheme()
system.addEventListener("change", followTheme)
new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] })

SwaggerUI({
  url: "/openapi.json",
  domNode: reference,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  withCredentials: true,
})

// What Swagger UI draws inside our page gets the names and levels that it needs there. Its links stand inside buttons;
// the button alone opens an operation and writes the same address.
function fitIntoPage() {
  nameParts("main", t("docs.operations"))
  nameParts(".information-container", t("docs.about"), "region")
  nameParts(".schemes-server-container", t("docs.access"), "region")
  nameParts("select#servers", t("docs.server"))
  nameParts("textarea.body-param__text", t("docs.request_body"))
  nameParts(".dialog-ux .modal-ux", t("docs.authorizations"), "dialog")
  nameParts(".dialog-ux .close-modal", t("docs.close"))
  for (const title of reference.querySelectorAll("h1")) {
    title.setAttribute("role", "heading")
    title.setAttribute("aria-level", "2")
  }
  for (const link of reference.querySelectorAll("button a[href]")) link.removeAttribute("href")
}

/** @param {string} selector @param {string} name @param {string} [role] */
function nameParts(selector, name, role) {
  for (const part of reference.querySelectorAll(selector)) {
    part.setAttribute("aria-label", name)
    if (role) part.setAttribute("role", role)
  }
}

// Swagger UI has a dark look of its own, switched by a class on the root.
function followTheme() {
  const chosen = document.documentElement.dataset.theme
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches)
}
