import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fill, type Peer } from './peer.js'

/** The fastest of the peers: a load balancer, with a packet cache and no recursion of its own. */
export const dnsdist: Peer = {
  name: 'dnsdist',
  packages: ['dnsdist'],
  version: ['dnsdist', '--version'],
  format: 'domains',
  answers: true,
  async launch({ folder, port, upstream, blocklist, log }) {
    const config = join(folder, 'dnsdist.conf')
    const queryLog = join(folder, 'queries.log')
    const text = await fill('dnsdist.conf', {
      port,
      upstream,
      blocklist: (await blocklist?.file('domains')) ?? '/dev/null',
      // Only blocked questions are answered by itself, so one look-up decides and logs:
      // appending, buffered, whatever the verbosity.
      log: log
        ? `addSelfAnsweredResponseAction(AllRule(), LogResponseAction('${queryLog}', true, true, false))`
        : ''
    })
    await writeFile(config, text)
    return {
      command: ['dnsdist', '-C', config, '--supervised', '--disable-syslog'],
      queryLog
    }
  }
}
