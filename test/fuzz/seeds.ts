import { readFileSync } from 'node:fs'

/** A message that the fuzzer begins with. */
export interface Seed {
  /** What sent it, asked how. */
  readonly from: string
  readonly octets: Uint8Array
}

export interface Seeds {
  readonly queries: readonly Seed[]
  readonly responses: readonly Seed[]
}

/** Reads `test/fixtures/messages.txt`; the working folder is that of the package. */
export function readSeeds(): Seeds {
  const lines = readFileSync('test/fixtures/messages.txt', 'utf8').split('\n')
  const rows = lines.filter(line => line.includes(' | ')).map(line => line.split(' | '))
  const of = (kind: string): Seed[] =>
    rows
      .filter(([first]) => first === kind)
      .map(([, from, hex]) => ({ from: from!, octets: Uint8Array.from(Buffer.from(hex!, 'hex')) }))
  return { queries: of('query'), responses: of('response') }
}
