import { readdirSync } from 'node:fs'

/** All scenario files, in order. */
export const scenarioFiles = readdirSync('test/scenarios')
  .filter(file => file.endsWith('.yaml'))
  .sort()
