/** Writes `docs/reference/openapi.json`. Run it after a change of a route of the HTTP API. */
import { writeFileSync } from 'node:fs'
import { OPENAPI_FILE, openApiText } from './openapi-text.js'

writeFileSync(OPENAPI_FILE, openApiText())
