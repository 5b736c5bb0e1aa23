import { parseArgs } from 'node:util'
import { newSeed } from './dice.js'

export const PARTS = ['inside', 'udp', 'tcp', 'https', 'tls', 'properties'] as const
export type Part = (typeof PARTS)[number]

export const USAGE = `npm run fuzz -- [options]

  --only A,B         these parts: ${PARTS.join(', ')}
  --messages N       mutants for each part (1000000)
  --connections N    abandoned by the part tcp (10000)
  --frames N         mutated HTTP/2 frames, requests and TLS records of the part https (1000000)
  --seconds N        duration of the part tls (120)
  --openssl N.N      fail unless Node contains this version of OpenSSL
  --seed N           the same mutants as in the run that printed this seed
`

export interface Options {
  readonly parts: readonly Part[]
  readonly messages: number
  readonly connections: number
  readonly frames: number
  readonly seconds: number
  /** Undefined: any. */
  readonly openSsl: string | undefined
  readonly seed: number
}

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: PARTS.join() },
      messages: { type: 'string', default: '1000000' },
      connections: { type: 'string', default: '10000' },
      frames: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '120' },
      openssl: { type: 'string' },
      seed: { type: 'string', default: String(newSeed()) }
    }
  })
  return {
    parts: choose('part', PARTS, values.only),
    messages: whole('messages', values.messages),
    connections: whole('connections', values.connections),
    frames: whole('frames', values.frames),
    seconds: whole('seconds', values.seconds),
    openSsl: values.openssl,
    seed: whole('seed', values.seed)
  }
}

function choose<T extends string>(what: string, known: readonly T[], given: string): T[] {
  const names = given.split(',')
  const wrong = names.find(name => !known.some(one => one === name))
  if (wrong !== undefined) throw new Error(`unknown ${what} ${wrong}; known: ${known.join(', ')}`)
  return known.filter(name => names.includes(name))
}

function whole(what: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  throw new Error(`--${what}: found ${text}, wanted a whole number`)
}
