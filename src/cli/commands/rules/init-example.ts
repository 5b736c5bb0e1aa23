import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { packagePath } from '../../../base/package.js'
import { didYouMean } from '../../../policy/yaml/closest.js'
import { usageError } from '../../exit.js'
import { writeWeek } from '../../output/log/example-week.js'
import { EXAMPLES } from '../../output/rules/example-names.js'

/**
 * Writes settings, rules and sample logs of one guide into a folder that has none of them.
 *
 * @param others options beside it: there may be none
 * @returns what was written
 * @throws InterdictError INIT_EXISTS, INIT_WRITE
 */
export function writeExample(folder: string, example: string, others: object): string {
  const names: readonly string[] = EXAMPLES
  if (!names.includes(example)) {
    usageError(
      `--example: no example '${example}'${didYouMean(example, names)}; there are ${names.join(', ')}`
    )
  }
  const [more] = Object.keys(others)
  if (more !== undefined) usageError(`--example writes files of its own: leave out --${more}`)
  const logs = example === 'reports' ? 'log' : 'logs'
  const written = join(folder, logs)
  if (existsSync(written)) throw failure('INIT_EXISTS', folder, logs)
  try {
    cpSync(packagePath(`contrib/examples/${example}`), folder, { recursive: true })
    if (example === 'reports') {
      cpSync(packagePath('rules/apps'), join(folder, 'rules/apps'), { recursive: true })
      writeWeek(written)
    }
  } catch (error) {
    for (const part of ['rules', 'interdict.yaml', logs]) {
      rmSync(join(folder, part), { recursive: true, force: true })
    }
    throw failure('INIT_WRITE', folder, reasonOf(error, folder))
  }
  return `Wrote settings: ${join(folder, 'interdict.yaml')}
Wrote rules: ${join(folder, 'rules')}
Wrote sample logs: ${written}

The guide ${example} uses them: docs/guides/${example}.md
`
}
