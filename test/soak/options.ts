import { parseArgs } from 'node:util'
import { newSeed } from '../fuzz/dice.js'

export const USAGE = `npm run soak -- [options]

  --minutes N        how long (30)
  --rate N           queries a second (400)
  --workers N        of the gateway (2)
  --transport KIND   batch or portable (batch)
  --seed N           the same queries as in the run that printed this seed
  --out FILE         the summary as Markdown, besides on the terminal
`

export interface Options {
  readonly minutes: number
  readonly rate: number
  readonly workers: number
  readonly transport: string
  readonly seed: number
  readonly out: string | undefined
}

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: '400' },
      workers: { type: 'string', default: '2' },
      transport: { type: 'string', default: 'batch' },
      seed: { type: 'string', default: String(newSeed()) },
      out: { type: 'string' }
    }
  })
  return {
    minutes: positive('minutes', values.minutes),
    rate: positive('rate', values.rate),
    workers: positive('workers', values.workers),
    transport: values.transport,
    seed: positive('seed', values.seed),
    out: values.out
  }
}

function positive(what: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`--${what}: found ${text}, wanted a number above 0`)
}
