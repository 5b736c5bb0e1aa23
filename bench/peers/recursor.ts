import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../kit/processes.js'
import { fill, OUTPUT, type Peer } from './peer.js'

/** A response policy zone. With the log on it logs every query: blocked ones alone it cannot. */
export const recursor: Peer = {
  name: 'pdns-recursor',
  packages: ['pdns-recursor'],
  version: ['pdns_recursor', '--version'],
  format: 'rpz',
  answers: true,
  async launch({ folder, port, upstream, blocklist, log }) {
    const zone = join(folder, 'blocklist.rpz')
    await blocklist?.install('rpz', zone)
    const text = await fill('recursor.yml', {
      folder,
      port,
      upstream,
      loglevel: log ? 6 : 3,
      quiet: log ? 'false' : 'true',
      rpz: blocklist === undefined ? '[]' : `[{ name: '${zone}' }]`
    })
    await writeFile(join(folder, 'recursor.yml'), text)
    return {
      queryLog: join(folder, OUTPUT),
      command: ['pdns_recursor', `--config-dir=${folder}`],
      async replace(next) {
        await next.install('rpz', zone)
        const control = ['rec_control', `--config-dir=${folder}`, `--socket-dir=${folder}`]
        await run([...control, 'reload-yaml'], { limit: 120_000 })
      }
    }
  }
}
