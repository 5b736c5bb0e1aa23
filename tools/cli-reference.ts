/** Writes the reference page of the command line. */
import { writeFileSync } from 'node:fs'
import { cliPage, PAGE } from './cli-page.js'

writeFileSync(PAGE, await cliPage())
