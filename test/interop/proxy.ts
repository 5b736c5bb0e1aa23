/**
 * All parts of the gateway that send HTTP requests, through tinyproxy with credentials. It runs with an /etc/hosts of its own, which
 * alone has the names of the servers.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { install } from '../../tools/install.js'
import { OUTGOING } from '../http/outgoing.js'
import { interdict, writeSite } from '../cli/run.js'
import { upstream } from '../sources/http/rig.js'
import { folder, freePort, Running } from './processes.js'

t.setTimeout(300_000)
install('tinyproxy', 'unshare')

const SCRIPT = 'mount --bind "$0/hosts" /etc/hosts && exec tinyproxy -d -c "$0/tinyproxy.conf"'
const PASSWORD = 's3cret'

const dir = folder(t)
const port = await freePort()
const hosts = OUTGOING.map(({ host }) => `127.0.0.1 ${host}`)
writeFileSync(join(dir, 'hosts'), `${['127.0.0.1 localhost', ...hosts].join('\n')}\n`)
writeFileSync(
  join(dir, 'tinyproxy.conf'),
  `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Info\nBasicAuth gateway ${PASSWORD}\n`
)
const credentials = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text)
  chmodSync(join(dir, name), 0o600)
  return join(dir, name)
}
const tinyproxy = new Running(t, 'unshare', ['--mount', 'sh', '-c', SCRIPT, dir])
await tinyproxy.says(/listening on fd/)

const url = `http://127.0.0.1:${port}`
const good = credentials('good', `gateway:${PASSWORD}\n`)
for (const { name, host, run } of OUTGOING) {
  t.test(name, async t => {
    await run(t, `proxy: { url: '${url}', credentials-file: '${good}' }`)
    await tinyproxy.says(new RegExp(`(CONNECT |://)${host.replaceAll('.', '\\.')}:`))
  })
}

t.test('wrong credentials, and a server that the proxy does not reach', async t => {
  const { endpoint } = await upstream(t)
  const update = (file: string): ReturnType<typeof interdict> => {
    const config = writeSite(t, {
      'interdict.yaml': `proxy: { url: '${url}', credentials-file: '${file}' }
rules: rules
upstreams: { servers: ['127.0.0.1:${endpoint.port}'], loop-check: 0s, idle-probe: 0s }
`,
      'rules/networks.yaml': `networks: { all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads] }] } }
lists: { ads: { url: 'https://absent.example/list' } }
`
    })
    return interdict('-c', config, 'lists', 'update')
  }
  const wrong = await update(credentials('wrong', 'gateway:guess\n'))
  t.match(wrong, { code: 1, err: /rejected the credentials \(HTTP status 40[17]\).*PROXY_REFUSED/ })
  const absent = await update(good)
  t.match(absent, { code: 1, err: /did not connect to absent\.example:443: HTTP status 50\d/ })
})
