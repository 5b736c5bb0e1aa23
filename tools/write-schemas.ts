/** Writes `docs/reference/schemas/`. Run it after a change of a schema in `src/`, or of a key table in `docs/`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { jsonSchemas, SCHEMAS } from './json-schemas.js'

mkdirSync(SCHEMAS, { recursive: true })
for (const [file, text] of jsonSchemas()) writeFileSync(file, text)
