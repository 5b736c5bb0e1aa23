import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suites } from '../suites.js'
import type { Say } from './run-inside.js'

/**
 * The suites of `npm test`, with every property tried as often as it names, and another seed each time.
 * A failure prints the seed and the counterexample.
 *
 * @returns what was found wrong, a line for each suite
 */
export async function runProperties(say: Say): Promise<string[]> {
  const faults: string[] = []
  for (const { name } of suites()) {
    const env = { ...process.env, INTERDICT_FUZZ: '1', TAP_TIMEOUT: '3600' }
    const child = spawn(process.execPath, ['dist/test/suite.js', name], {
      env,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const [status] = (await once(child, 'close')) as [number | null]
    const failed = output.split('\n').filter(line => line.startsWith('not ok'))
    say(`  ${name}: ${status === 0 ? 'nothing is wrong' : failed.join('; ')}`)
    if (status !== 0) faults.push(`${name}: ${failed.join('; ')}\n${output}`)
  }
  return faults
}
