import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { readCatalogue } from '../../src/policy/rules/apps/catalogue.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { showPattern } from '../../src/policy/rules/model/pattern.js'
import { PACKAGE } from '../kit/place.js'

/** The ban that `report ban` is asked about: that of the most wanted app. */
export const BAN = 'federal-tiktok'

/** Apps that are banned, the most wanted first. */
export const APPS = [
  'tiktok',
  'snapchat',
  'instagram',
  'encrypted-dns',
  'deepseek',
  'temu',
  'private-relay',
  'telegram'
] as const

const NETWORKS = `
networks:
  federal:
    bans:
      - { id: ${BAN}, apps: [tiktok], authority: Government, reference: Decision 1, ede: censored }
      - { id: federal-deepseek, apps: [deepseek], authority: Government, reference: Decision 2 }
      - { id: federal-others, apps: [snapchat, instagram, temu, telegram], authority: Government, reference: Decision 3 }
      - { id: bypass, apps: [encrypted-dns, private-relay], authority: Own policy, reference: Resolver }
  phones:
    extends: federal
    prefixes: [10.20.0.0/16]
    exceptions:
      - { id: press, apps: [tiktok], prefixes: [10.20.7.0/28], purpose: press office, approved-by: head of security, from: 2026-01-01, until: 2026-12-31 }
  offices: { extends: federal, prefixes: [10.21.0.0/16] }
  town-hall: { extends: federal, prefixes: [10.40.0.0/16] }
  schools:
    prefixes: [10.30.0.0/16]
    bans:
      - { id: schools-snapchat, apps: [snapchat, instagram], authority: school board, reference: trial, mode: monitor }
      - { id: schools-tiktok, apps: [tiktok, temu], authority: school board, reference: Decision 4 }
  museum:
    prefixes: [10.50.0.0/16]
    bans:
      - { id: museum-tiktok, apps: [tiktok], authority: board, reference: Decision 5 }
`

/** Writes the shipped catalogue and the networks; gives the policy, and what each app's names are. */
export async function writeRules(
  folder: string
): Promise<{ policy: Policy; names: ReadonlyMap<string, readonly string[]> }> {
  await mkdir(folder, { recursive: true })
  await cp(join(PACKAGE, 'rules', 'apps'), join(folder, 'apps'), { recursive: true })
  await writeFile(join(folder, 'networks.yaml'), NETWORKS)
  const loaded = await loadRules(folder)
  if (!loaded.ok) throw loaded.errors[0] ?? new Error('no rules')
  const catalogue = await readCatalogue(folder)
  if (!catalogue.ok) throw new Error('no catalogue')
  const names = new Map(
    catalogue.apps.map(({ entry }) => [entry.app, entry.names.map(({ name }) => showPattern(name))])
  )
  const random = (): number => 0x2545f491
  const snapshot = compile(loaded.rules, { generation: 1, random, specialUse: specialUseNames([]) })
  return { policy: new Policy(snapshot), names }
}
