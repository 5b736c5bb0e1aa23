import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PACKAGE } from '../kit/place.js'
import { fill, type Launch, type Peer, type Site } from './peer.js'

/** One network for all of loopback, with the list as a block without legal weight. */
export const NETWORKS = `
networks:
  local:
    prefixes: [127.0.0.0/8]
    block: [{ lists: [names], action: null-address }]
lists:
  names: { file: lists/names.txt, format: domains }
`

const VALIDATING = 'networks:\n  local: { prefixes: [127.0.0.0/8], dnssec: enforce }\n'

/** Interdict as built in a folder, with everything switched on that a gateway has switched on. */
const builtIn = (folder: string, name: string): Peer => ({
  name,
  packages: [],
  version: undefined,
  format: 'domains',
  answers: true,
  validates: true,
  launch: site => launch(join(folder, 'dist/bundle/bin/interdict.js'), site)
})

async function launch(program: string, site: Site): Promise<Launch> {
  const { folder, port, upstream, blocklist, log, signed } = site
  const hasOwn = blocklist !== undefined || signed !== undefined
  const rules = hasOwn ? join(folder, 'rules') : join(PACKAGE, 'rules')
  const names = join(rules, 'lists', 'names.txt')
  if (blocklist !== undefined) {
    await mkdir(join(rules, 'lists'), { recursive: true })
    await mkdir(join(rules, 'apps'))
    await writeFile(join(rules, 'networks.yaml'), NETWORKS)
    await blocklist.install('domains', names)
  }
  if (signed !== undefined) {
    await mkdir(rules)
    await writeFile(join(rules, 'networks.yaml'), VALIDATING)
  }
  const queryLog = join(folder, 'queries.log')
  const config = join(folder, 'interdict.yaml')
  const one = `{ which: blocked, file: ${queryLog}, rotate: { size: 64GB, daily: false } }`
  await writeFile(
    config,
    await fill('interdict.yaml', {
      port,
      upstream,
      rules,
      log: log ? one : '{ which: none }',
      dnssec: signed === undefined ? '{}' : `{ trust-anchors: ['${signed.anchor}'] }`
    })
  )
  return {
    command: [process.execPath, program, 'serve', '-c', config],
    queryLog,
    // It watches its rules folder.
    replace: next => next.install('domains', names)
  }
}

export const interdict = builtIn(PACKAGE, 'interdict')

export const BEFORE = 'before'

/** Another build of Interdict, in turns with this one. @param folder of its package */
export const buildBefore = (folder: string): Peer => builtIn(folder, BEFORE)

/** Ours without a query log, in turns with ours with one: what the log costs. */
export const unlogged: Peer = {
  ...interdict,
  name: 'interdict, no log',
  async launch(place) {
    return { ...(await interdict.launch({ ...place, log: false })), queryLog: undefined }
  }
}
