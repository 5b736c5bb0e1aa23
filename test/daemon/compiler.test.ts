import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import type { CompileRequest } from '../../src/gateway/compiler/compiler-messages.js'
import { Threads } from './serve.js'
import { banning, Site } from './site.js'

// A start compiles twice if it has downloaded lists. Where the second result had the names of the first, since a
// list took long to compile, the gateway was left without rules.
t.test('rules that were compiled and not adopted are compiled again', async t => {
  const site = new Site(t, { 'rules/networks.yaml': banning('banned.example') })
  const compiler = new CompilerHandle(new Threads(false).start)
  t.teardown(() => compiler.close())
  const read = readConfig('', site.path('interdict.yaml'))
  if (!read.ok) throw read.errors[0]!
  const { cache, identity } = read.config
  const request: CompileRequest = {
    location: {
      folder: site.path('rules'),
      bundle: undefined,
      copiesFolder: site.path('state'),
      outside: []
    },
    generation: 1,
    watchedPaths: [],
    watchState: new Map(),
    isFull: true,
    isForced: false,
    waitsForLists: false,
    isFirst: true,
    localNames: [],
    listSize: 0,
    pauses: [],
    history: site.path('state/history'),
    bannedNames: undefined,
    logsBans: false,
    active: undefined,
    lists: [],
    isPacked: false,
    sampled: 0,
    testSettings: { tests: 'refuse', cache, identity, mustResolve: [] },
    tested: undefined,
    unsavedBaseline: undefined
  }
  const compiled = async (isFirst: boolean): Promise<boolean> => {
    const result = await compiler.compile({ ...request, isFirst })
    return result.kind === 'compiled' && result.snapshot !== undefined
  }
  t.ok(await compiled(true))
  t.ok(await compiled(true))
  t.notOk(await compiled(false), 'once they are active they are the same')
})
