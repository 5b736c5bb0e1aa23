/** Mutants of captured messages, until something gives. Run by `npm run fuzz`. */
import { runHttps } from './run-https.js'
import { readOptions, USAGE, type Options, type Part } from './options.js'
import { runInside, type Say } from './run-inside.js'
import { runProperties } from './run-properties.js'
import { runTls } from './run-tls.js'
import { runTcp } from './run-tcp.js'
import { runUdp } from './run-udp.js'

const RUN: Readonly<Record<Part, (options: Options, say: Say) => Promise<string[]>>> = {
  inside: runInside,
  udp: runUdp,
  tcp: runTcp,
  https: runHttps,
  tls: runTls,
  properties: (_options, say) => runProperties(say)
}

const say: Say = text => void process.stdout.write(`${text}\n`)

async function run(options: Options): Promise<number> {
  let wrong = 0
  for (const part of options.parts) {
    say(
      `${part}: seed ${options.seed}; again: npm run fuzz -- --only ${part} --seed ${options.seed}`
    )
    const faults = await RUN[part](options, say)
    for (const fault of faults) say(`${part}: WRONG: ${fault}`)
    wrong += faults.length
  }
  say(wrong === 0 ? 'nothing is wrong' : `${wrong} wrong`)
  return wrong === 0 ? 0 : 1
}

try {
  process.exitCode = await run(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exitCode = 2
}
