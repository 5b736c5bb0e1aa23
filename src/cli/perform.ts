import type { Milliseconds } from '../base/units.js'
import type { ParsedRequest, RequestName, ResultOf } from '../gateway/processes/requests.js'
import type { CommonOptions } from './args/settings.js'
import { rejectInput } from './exit.js'
import type { Io } from './io.js'

/** For the running gateway, which packs a million names in a second. */
const PLAN_TIMEOUT: Milliseconds = 60_000

type Performers = {
  readonly [Name in RequestName]: (
    request: ParsedRequest<Name>,
    options: CommonOptions,
    io: Io
  ) => Promise<ResultOf<Name>>
}

/** The functions of the commands, each with the JSON form of what it returns. Each is loaded when it is called. */
const PERFORMERS: Performers = {
  query: async (request, options, io) => {
    const { performQuery } = await import('./commands/log/query.js')
    return [...(await performQuery(request, options, io))]
  },
  who: async (request, options) => {
    const { performWho } = await import('./commands/log/who.js')
    return performWho(request, options)
  },
  export: async (request, options, io) => {
    const { performExport } = await import('./commands/log/query.js')
    return performExport(request, options, io)
  },
  report: async (request, options, io) => {
    const { performReport } = await import('./commands/analysis/report.js')
    const { jsonOf } = await import('../analysis/report/output/json.js')
    return jsonOf(await performReport(request, options, io))
  },
  replay: async (request, options, io) => {
    const { performReplay } = await import('./commands/analysis/replay.js')
    const { jsonOf } = await import('./output/log/replay-result.js')
    return jsonOf((await performReplay(request, options, io)).result)
  },
  'reports run': async (_request, options, io) => {
    const { performRun } = await import('./commands/analysis/reports.js')
    return performRun(options, io)
  },
  'catalogue update': async (_request, options, io) => {
    const { performUpdate } = await import('./commands/catalogue/catalogue-update.js')
    const { result, inForce, error } = await performUpdate({}, options, io)
    return { result, inForce, error }
  },
  explain: async (request, options, io) => {
    const { performExplain, jsonOf } = await import('./commands/rules/explain.js')
    return jsonOf(await performExplain(request, options, io))
  },
  bans: async (request, options, io) => {
    const { performBans } = await import('./commands/rules/bans.js')
    return (await performBans(request, options, io)).list
  },
  check: async (request, options) => {
    const { performCheck } = await import('./commands/rules/check.js')
    const { jsonOf } = await import('./output/rules/check-text.js')
    return jsonOf(await performCheck(request, options))
  },
  diff: async (request, options) => {
    const { performDiff } = await import('./commands/rules/diff.js')
    const { jsonOf } = await import('./output/rules/diff-json.js')
    return jsonOf(await performDiff(request, options))
  },
  'lists update': async (request, options, io) => {
    const { performUpdate } = await import('./commands/rules/lists-update.js')
    return performUpdate(request, { ...options, json: true }, io)
  },
  'lists confirm': async (request, options, io) => {
    const { performConfirm } = await import('./commands/rules/lists.js')
    return performConfirm(request, options, io)
  },
  rollback: async (request, options) => {
    const { performRollback } = await import('./commands/rules/rollback.js')
    return performRollback(request, options)
  },
  'bundle create': async (request, options) => {
    const { performCreate } = await import('./commands/rules/bundle-create.js')
    const { jsonOf } = await import('./commands/rules/bundle-show.js')
    const { bundle, check } = await performCreate(request, options)
    return bundle === undefined ? rejectInput(check.errors) : jsonOf(bundle)
  },
  'bundle verify': async request => {
    const { performVerify, jsonOf } = await import('./commands/rules/bundle-show.js')
    return jsonOf(await performVerify(request))
  },
  plan: async (request, options, io) => {
    const { performPlan, planExit } = await import('./commands/rules/plan.js')
    const { jsonOf } = await import('./output/rules/plan-text.js')
    const result = await performPlan({ ...request, timeout: PLAN_TIMEOUT }, options, io)
    return jsonOf(result, planExit(result))
  },
  'rules history': async (request, options) => {
    const { performHistory } = await import('./commands/rules/rules-history.js')
    return performHistory(request, options)
  },
  'rules show': async (request, options) => {
    const { performShow } = await import('./commands/rules/rules-history.js')
    return (await performShow(request, options)).shown
  },
  'rules file': async (request, options) => {
    const { performFile } = await import('./commands/rules/rules-history.js')
    return performFile(request, options)
  },
  'rules diff': async (request, options, io) => {
    const { performVersionDiff } = await import('./commands/rules/rules-history.js')
    const { jsonOf } = await import('./output/rules/diff-json.js')
    return jsonOf(await performVersionDiff(request, options, io))
  },
  'rules restore': async (request, options) => {
    const { performRestore } = await import('./commands/rules/rules-restore.js')
    return performRestore(request, options)
  }
}

/** Performs a request as the command of this name does. @throws what the command reports */
export function perform<Name extends RequestName>(
  name: Name,
  request: ParsedRequest<Name>,
  options: CommonOptions,
  io: Io
): Promise<ResultOf<Name>> {
  return PERFORMERS[name](request, options, io)
}
