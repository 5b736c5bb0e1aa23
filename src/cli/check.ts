import { loadRules } from '../rules/load.js'
import { compile } from '../policy/compile.js'
import { EXIT } from './exit.js'
import { settings, type CommonOptions } from './settings.js'

/** `interdict check`: reads everything as `serve` would, and says all that is wrong. */
export async function check(options: CommonOptions): Promise<void> {
  const config = await settings(options)
  const loaded = await loadRules(config.rules)
  if (!loaded.ok) {
    for (const { code, message } of loaded.errors) process.stdout.write(`${message} (${code})\n`)
    process.stdout.write(`${count(loaded.errors.length, 'error')}\n`)
    process.exit(EXIT.found)
  }
  for (const { code, message } of loaded.warnings)
    process.stdout.write(`warning: ${message} (${code})\n`)
  const { counts, sha256 } = compile(loaded.rules, { generation: 0, random: () => 0 })
  const names = counts.names.toLocaleString('en')
  process.stdout.write(
    `rules are good: ${count(counts.networks, 'network')}, ${count(counts.rules, 'rule')}, ` +
      `${names} names, SHA-256 ${sha256}\n`
  )
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
