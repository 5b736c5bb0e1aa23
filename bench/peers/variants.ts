import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HelperServer } from '../../src/gateway/egress/helper-server.js'
import { bindingLines } from '../kit/binding-lines.js'
import { interdict } from './interdict.js'
import type { Launch, Peer } from './peer.js'

/** Devices behind addresses, all of them clients of the rules: those of the load, too. */
const BINDINGS = 100_000

/** Ours with a feed of bindings, in turns with ours without: what it costs to know devices. */
const withBindings: Peer = {
  ...interdict,
  name: 'interdict-bindings',
  async launch(site) {
    const launched = await interdict.launch(site)
    const path = (name: string): string => join(site.folder, name)
    await writeFile(path('nac.jsonl'), bindingLines(BINDINGS, '127.', Date.now()))
    const feeds = '[{ name: nac, type: json, file: nac.jsonl }]'
    await appendFile(path('interdict.yaml'), `bindings: { feeds: ${feeds} }\n`)
    if (site.blocklist !== undefined)
      await appendFile(
        path('rules/networks.yaml'),
        'clients: { d: { network: local, group: g } }\n'
      )
    return launched
  }
}

/** Another network with everything that a network can have. */
const OTHERS = `
  office:
    prefixes: [10.0.0.0/8]
    dnssec: enforce
    egress: deny
    forward: ['127.0.0.1:$upstream']
    records: [{ name: printer.office.example, a: 10.1.2.3 }, { name: '*.intranet.example', a: 10.1.2.4 }]
    dns64: 64:ff9b::/96
    bans: [{ addresses: [203.0.113.0/24], authority: A, reference: R }]
`

/** Ours with forwarders, records, DNS64, validation and denied addresses for a network that is not asked. */
const withOthers: Peer = {
  ...interdict,
  name: 'interdict-others',
  async launch(site) {
    const launched = await interdict.launch(site)
    await changeNetworks(site.folder, text =>
      text.replace('lists:\n', `${OTHERS.replace('$upstream', `${site.upstream}`)}lists:\n`)
    )
    return withHelper(launched, site.folder)
  }
}

/** Ours with addresses denied to the network that is asked. */
const gated: Peer = {
  ...interdict,
  name: 'interdict-gated',
  async launch(site) {
    const launched = await interdict.launch(site)
    const ban = '{ addresses: [203.0.113.0/24], authority: A, reference: R }'
    await changeNetworks(site.folder, text =>
      text.replace('127.0.0.0/8]\n', `127.0.0.0/8]\n    egress: deny\n    bans: [${ban}]\n`)
    )
    return withHelper(launched, site.folder)
  }
}

/** Ours in other settings: only where they are named. */
export const VARIANTS: readonly Peer[] = [withBindings, withOthers, gated]

async function changeNetworks(folder: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, 'rules/networks.yaml')
  const text = await readFile(path, 'utf8')
  const changed = change(text)
  if (changed === text)
    throw new Error('the rules of the scenario are not those that were expected')
  await writeFile(path, changed)
}

/** A helper that accepts everything, in this process: what the gateway does is measured, not nftables. */
async function withHelper(launched: Launch, folder: string): Promise<Launch> {
  const path = join(folder, 'helper.sock')
  const table = { replace: () => Promise.resolve(), change: () => Promise.resolve() }
  const helper = new HelperServer(table, () => undefined)
  await helper.listen(path)
  await appendFile(join(folder, 'interdict.yaml'), `egress: { firewall: ${path} }\n`)
  return { ...launched, close: () => helper.close() }
}
