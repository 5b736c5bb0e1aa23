/** Writes `docs/reference/schemas/`: after a change of a schema in `src/`, or of what `docs/` says of keys. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { jsonSchemas, SCHEMAS } from './json-schemas.js'

mkdirSync(SCHEMAS, { recursive: true })
for (const [file, text] of jsonSchemas()) writeFileSync(file, text)
