import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'

const FILE = '/srv/gw/interdict.yaml'
const DAY = 86_400_000

t.test('reads reports and the mail server, with defaults filled in', async t => {
  const text = `
state: { folder: state }
reports:
  - { report: weekly }
  - { report: daily, name: morning, at: '07:30', folder: out, keep: 30d }
  - report: ban
    ban: federal/tiktok
    mail: { from: Interdict <r@gw.test>, to: [a@b.test] }
smtp: { host: mail.test, user: u, password-file: pw, ca-file: ca.pem }
`
  t.match(readConfig(text, FILE), {
    config: {
      reports: [
        {
          ...{ name: 'weekly', kind: 'weekly', folder: '/srv/gw/state/reports', keep: 400 * DAY },
          at: { weekday: 0, monthDay: undefined, clock: '06:00' },
          mail: undefined
        },
        { name: 'morning', at: { clock: '07:30' }, folder: '/srv/gw/out', keep: 30 * DAY },
        { name: 'ban-federal-tiktok', ban: 'federal/tiktok', at: { monthDay: 1 } }
      ],
      smtp: {
        ...{ host: 'mail.test', port: 587, tls: 'starttls', user: 'u', timeout: 60_000 },
        ...{ passwordFile: '/srv/gw/pw', caFile: '/srv/gw/ca.pem' }
      }
    }
  })
  t.match(readConfig('smtp: { host: 127.0.0.1, tls: none }', FILE), {
    config: { smtp: { user: undefined, passwordFile: undefined, caFile: undefined } }
  })
})

const refused: readonly [text: string, error: RegExp][] = [
  ['reports: [{ report: yearly }]', /reports\[0\]\.report/],
  ["reports: [{ report: daily, at: 'noon' }]", /a time such as 06:00, Mon 06:00 or 1 06:00/],
  ['reports: [{ report: ban }]', /reports\[0\]\.ban.*the id of the ban/],
  ['reports: [{ report: daily, ban: x }]', /no ban: it is for the report ban/],
  ['reports: [{ report: daily }, { report: daily }]', /reports\[1\].*a name that no other has/],
  ["reports: [{ report: daily, name: 'A b' }]", /a name of a-z, 0-9 and -/],
  [
    'reports: [{ report: daily, mail: { from: a@b.c, to: [a@b.c] } }]',
    /smtp\.host, the mail server/
  ],
  ['reports: [{ report: daily, mail: { from: a@b.c, to: [] } }]', /mail\.to/],
  ['reports: [{ report: daily, mail: { from: nobody, to: [a@b.c] } }]', /an address such as/],
  ['reports: [{ report: daily, mail: { from: "a@b.c\\nBcc: x@y.z", to: [a@b.c] } }]', /an address/],
  ['smtp: { host: mail.test, tls: none }', /starttls or tls, since reports would cross/],
  ['smtp: { host: mail.test, user: u }', /smtp\.password-file/],
  ['smtp: { host: mail.test, password-file: p }', /smtp\.user/],
  ["smtp: { host: 'a b' }", /a host name or address/]
]
for (const [text, error] of refused) {
  t.test(text, async t => {
    const read = readConfig(text, FILE)
    t.match(read.ok ? '' : read.errors.map(({ message }) => message).join('\n'), error)
  })
}

t.test('in /etc, reports are stored elsewhere', async t => {
  const read = readConfig('reports: [{ report: daily, folder: out }]', '/etc/interdict/i.yaml')
  t.match(read.ok ? '' : read.errors[0]!.message, /an absolute path such as \/var\/lib\/interdict/)
  t.match(readConfig('reports: [{ report: daily }]', '/etc/interdict/i.yaml'), {
    config: { reports: [{ folder: '/var/lib/interdict/reports' }] }
  })
})
