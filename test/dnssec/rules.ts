import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'

/** Rules of a network with `dnssec: observe`, another with `mode`, and one that extends the first. */
export async function loadText(t: Test, id: string, mode: string): Promise<RuleSet> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-dnssec-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const text = `networks:
  ${id}: { prefixes: [10.0.0.0/16], dnssec: observe, block: [blocked.example] }
  other: { prefixes: [10.1.0.0/16], dnssec: ${mode} }
  child: { prefixes: [10.2.0.0/16], extends: ${id} }
`
  writeFileSync(join(folder, 'networks.yaml'), text)
  const loaded = await loadRules(folder)
  if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
  return loaded.rules
}
