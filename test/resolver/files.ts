import { readdirSync } from 'node:fs'

/** All scenario files, sorted. */
export const scenarioFiles = readdirSync('test/scenarios')
  .filter(file => file.endsWith('.yaml'))
  .sort()
