/** The compiler thread: rule files in, snapshot out. Keeps nothing between two compilations. */
import { randomInt } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { compare } from '../policy/compare.js'
import { compile } from '../policy/compile.js'
import type { Snapshot } from '../policy/snapshot.js'
import { loadRules } from '../rules/load.js'
import type { FromCompiler, ToCompiler } from './messages.js'
import { troubleOf } from './trouble.js'

const { folder } = workerData as { folder: string }
let last: Snapshot | undefined

parentPort!.on('message', (message: ToCompiler) => {
  void run(message.generation).then(result => parentPort!.postMessage(result))
})

async function run(generation: number): Promise<FromCompiler> {
  const started = performance.now()
  try {
    const loaded = await loadRules(folder)
    if (!loaded.ok)
      return { kind: 'refused', errors: loaded.errors.map(troubleOf), files: loaded.files }
    const { rules } = loaded
    const warnings = loaded.warnings.map(troubleOf)
    const took = (): number => Math.round(performance.now() - started)
    if (rules.sha256 === last?.sha256) {
      return {
        kind: 'compiled',
        snapshot: undefined,
        changes: undefined,
        warnings,
        files: rules.files,
        took: took()
      }
    }
    const snapshot = compile(rules, { generation, random: () => randomInt(2 ** 32) })
    const changes = last === undefined ? undefined : compare(last, snapshot)
    last = snapshot
    return { kind: 'compiled', snapshot, changes, warnings, files: rules.files, took: took() }
  } catch (error) {
    return { kind: 'refused', errors: [troubleOf(error)], files: [] }
  }
}
