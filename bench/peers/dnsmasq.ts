import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fill, type Peer } from './peer.js'

/** With the log on it logs every query: blocked ones alone it cannot. */
export const dnsmasq: Peer = {
  name: 'dnsmasq',
  packages: ['dnsmasq-base'],
  version: ['dnsmasq', '--version'],
  format: 'dnsmasq',
  answers: true,
  async launch({ folder, port, upstream, blocklist, log }) {
    const config = join(folder, 'dnsmasq.conf')
    const queryLog = join(folder, 'queries.log')
    const list = await blocklist?.file('dnsmasq')
    const text = await fill('dnsmasq.conf', {
      port,
      upstream,
      user: userInfo().username,
      log: log ? `log-queries\nlog-facility=${queryLog}` : '',
      blocklist: list === undefined ? '' : `conf-file=${list}`
    })
    await writeFile(config, text)
    return { command: ['dnsmasq', '-C', config], queryLog }
  }
}
