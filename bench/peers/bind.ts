import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fill, type Peer } from './peer.js'

/** A response policy zone that decides before it recurses. */
export const bind: Peer = {
  name: 'bind',
  packages: ['bind9'],
  version: ['named', '-v'],
  format: 'rpz',
  answers: true,
  async launch({ folder, port, upstream, blocklist, log }) {
    const config = join(folder, 'named.conf')
    const zone = join(folder, 'blocklist.rpz')
    await blocklist?.install('rpz', zone)
    const policy =
      'response-policy { zone "blocklist"; } qname-wait-recurse no min-update-interval 1;'
    const text = await fill('bind.conf', {
      folder,
      port,
      upstream,
      log: log ? 'rewrites' : 'null',
      policy: blocklist === undefined ? '' : policy,
      zone: blocklist === undefined ? '' : `zone "blocklist" { type primary; file "${zone}"; };`
    })
    await writeFile(config, text)
    return {
      command: ['named', '-f', '-n', '1', '-c', config],
      queryLog: join(folder, 'queries.log'),
      async replace(next, pid) {
        await next.install('rpz', zone)
        process.kill(pid, 'SIGHUP')
      }
    }
  }
}
