import { link, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fill, OUTPUT, type Peer } from './peer.js'

/**
 * Knot Resolver. Its policy module reads RPZ files and watches them for changes. With the log on,
 * the debug messages of that module are what it has to say about blocked names.
 */
export const kresd: Peer = {
  name: 'knot-resolver',
  packages: ['knot-resolver', 'lua-cqueues'],
  version: ['kresd', '--version'],
  format: 'rpz-cname',
  answers: true,
  async launch({ folder, port, upstream, blocklist, log }) {
    const config = join(folder, 'kresd.conf')
    const zone = join(folder, 'blocklist.rpz')
    await blocklist?.install('rpz-cname', zone)
    await mkdir(join(folder, 'cache'))
    const text = await fill('kresd.conf', {
      folder,
      port,
      upstream,
      log: log ? "log_groups({ 'policy' })" : "log_level('crit')",
      blocklist: blocklist === undefined ? '' : `policy.add(policy.rpz(zero, '${zone}', true))`
    })
    await writeFile(config, text)
    return {
      command: ['kresd', '-n', '-c', config, folder],
      queryLog: join(folder, OUTPUT),
      async replace(next) {
        // It sees a file that is created, not one that is moved over another.
        await rm(zone)
        await link(await next.file('rpz-cname'), zone)
      }
    }
  }
}
