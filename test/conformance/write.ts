import { writeFileSync } from 'node:fs'
import { PAGE, pageOf, shownScenarios } from './page.js'
import { readRows } from './rows.js'

/* `npm run conformance`: writes docs/reference/conformance.md. */

writeFileSync(PAGE, await pageOf(readRows(), shownScenarios()))
