import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { locallyAnsweredNames } from '../../../gateway/compiler/locally-answered.js'
import { loadConfig } from '../../../gateway/config/load-settings.js'
import { AddressKeeper } from '../../../gateway/egress/address-keeper.js'
import { OwnLookups } from '../../../gateway/egress/own-lookups.js'
import { compile } from '../../../policy/compile/compile.js'
import { allocateDeniedTable } from '../../../policy/egress/denied-table.js'
import { loadRules } from '../../../policy/rules/load.js'
import { EXIT, rejectInput } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { toText, type EgressCheck } from '../../output/gateway/egress-text.js'
import { filesToCheck, type CheckOptions } from '../rules/check.js'

/** Between two looks at whether all names have been looked up. */
const TICK: Milliseconds = 100
/** Names of 50 in a tick; upstreams that do not answer take up to their `give-up`. */
const PATIENCE: Milliseconds = 300_000

/**
 * `interdict check --egress`: looks up the banned names of networks with `egress` now, and shows which addresses would be denied and
 * which are shared.
 *
 * @throws InterdictError for invalid settings or rules
 */
export async function checkEgress(
  path: string | undefined,
  { config, json }: CheckOptions,
  io: Io
): Promise<number> {
  const settings = await loadConfig(config)
  if (!settings.ok) rejectInput(settings.errors)
  const { files, rejected } = await filesToCheck(path, settings.config)
  if (files === undefined) rejectInput(rejected)
  const loaded = await loadRules(files)
  if (!loaded.ok) rejectInput(loaded.errors)
  const { rules } = loaded
  const specialUse = locallyAnsweredNames(settings.config)
  const snapshot = compile(rules, { generation: 1, random: () => 0, specialUse })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const keeper = new AddressKeeper({
    ...{
      clock: systemClock,
      log,
      learnFor: 0,
      serialFile: undefined,
      memory: allocateDeniedTable()
    },
    ...{
      openHelper: undefined,
      file: undefined,
      release: () => undefined,
      onEpoch: () => undefined
    }
  })
  const lookups = new OwnLookups(settings.config, found => keeper.add(found))
  keeper.setRules(rules, snapshot)
  lookups.setRules(snapshot, keeper)
  try {
    const end = systemClock.now() + PATIENCE
    while (lookups.counts.waiting > 0 && systemClock.now() < end) {
      lookups.tick(systemClock.now() / MS_PER_SECOND)
      await sleep(TICK)
    }
    const { omitted } = keeper.state(lookups.counts)
    const result: EgressCheck = {
      networks: [...new Set(keeper.groups.map(({ network }) => network))].map(network => {
        const groups = keeper.groups.filter(one => one.network === network)
        return {
          network,
          egress: groups.some(({ denies }) => denies) ? 'deny' : 'observe',
          prefixes: [...new Set(groups.flatMap(group => keeper.prefixes(group)))],
          addresses: merge(keeper.list().filter(one => one.network === network))
        }
      }),
      aliased: keeper.aliasedNames,
      lookups: { ...lookups.counts, omitted }
    }
    if (json === true) printJson(io, result)
    else print(io, toText(result, io.stdout))
    return EXIT.success
  } finally {
    lookups.close()
    keeper.close()
  }
}

/** Clients of one network may be under different rules. */
function merge(
  all: ReturnType<AddressKeeper['list']>
): EgressCheck['networks'][number]['addresses'] {
  const byAddress = new Map(all.map(one => [one.address, one]))
  return [...byAddress.values()]
    .map(({ address, apps, names, ports, shared }) => {
      return { address, apps, names, ports, shared: shared?.names ?? null }
    })
    .toSorted((a, b) => Number(a.shared !== null) - Number(b.shared !== null))
}
