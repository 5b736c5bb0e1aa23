import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { compile } from '../../src/policy/compile/compile.js'
import type { LandingRules } from '../../src/admin/register/landing-server.js'
import { publicBans } from '../../src/admin/register/public-bans.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'

export const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000

export const NETWORKS = `
defaults:
  time-zone: Europe/Brussels
  language: nl
  register: https://bans.agency.example
  explain: { contact: ['mailto:dns@agency.example'], organization: Agency }
networks:
  federal:
    bans:
      - id: be-clip
        names: [clip.example]
        authority: Council
        reference: { title: 'Decision <7> & "8"', url: 'https://decisions.example/7' }
        legal-basis: Circular 716
        from: 2023-03-10
        schedule: { days: mon-fri, hours: 00:00-24:00 }
        explain: { fr: { justification: Pas ici } }
      - { names: [old.example], authority: Council, reference: R, until: 2026-01-01 }
      - { names: [next.example], authority: Council, reference: R, from: 2027-01-01 }
      - { names: [watched.example], authority: Council, reference: R, mode: monitor }
    block: [ads.example]
  phones: { extends: federal, prefixes: [127.0.0.0/9] }
  tablets: { extends: federal, prefixes: ['::1'], language: de }
`

/** @param files others than `networks.yaml`, in folders */
export async function rulesOf(
  networks: string,
  files: Readonly<Record<string, string>> = {}
): Promise<RuleSet> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-register-'))
  writeFileSync(join(folder, 'networks.yaml'), networks)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const loaded = await loadRules(folder)
  rmSync(folder, { recursive: true })
  if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
  return loaded.rules
}

export async function landingRules(networks: string): Promise<LandingRules> {
  const rules = await rulesOf(networks)
  return {
    snapshot: compile(rules, { generation: 1, random: () => 0 }),
    bans: publicBans(rules, NOW),
    register: rules.site?.register
  }
}
