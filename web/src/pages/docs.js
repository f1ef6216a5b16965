// Starts Swagger UI on our own description of the API. Nothing is asked of another host.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js"
import { startPreferences } from "../elements/preferences.js"

startPreferences()

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
