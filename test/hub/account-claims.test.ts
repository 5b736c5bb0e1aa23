import t from 'tap'
import {
  enrolmentClaims,
  gatewayClaims,
  gatewayUser,
  hubClaims
} from '../../src/fleet/hub/account-claims.js'
import { LiveRelay } from '../../src/fleet/hub/live-relay.js'
import { isUnsafe } from '../../src/fleet/hub/nats-accounts.js'

t.test('an account imports what it may use, and nothing else', t => {
  const { imports = [], exports, limits } = gatewayClaims('HUB', 'KEY', 'canary')
  t.equal(exports, undefined)
  t.match(limits, { exports: 0, leaf: 0 })
  t.notOk('disk_storage' in limits! || 'mem_storage' in limits!, 'no JetStream')
  t.ok(imports.every(({ account }) => account === 'HUB'))
  const own = imports.filter(one => one.local_subject !== undefined)
  t.ok(own.every(({ subject, local_subject }) => subject === `${local_subject}.KEY`))
  t.equal(own.length, 5)
  const others = imports.filter(one => !own.includes(one)).map(({ subject }) => subject)
  t.strictSame(
    others.filter(subject => subject.includes('rings')),
    [
      '$JS.API.DIRECT.GET.KV_interdict-rings.$KV.interdict-rings.canary',
      '$KV.interdict-rings.canary'
    ]
  )
  t.match(gatewayUser('site', 'canary'), {
    allowed_connection_types: ['STANDARD'],
    pub: { allow: [...others.slice(0, 3), ...own.map(one => one.local_subject)] },
    sub: { allow: ['_INBOX.site.>', '$KV.interdict-rings.canary'] }
  })
  t.strictSame(
    enrolmentClaims('HUB', 'KEY', {}).imports?.map(({ subject }) => subject),
    ['interdict.enrol.KEY']
  )
  t.end()
})

t.test('the hub exports subjects that end with the key of the sender, and streams to read', t => {
  const { exports = [] } = hubClaims()
  for (const { subject, type, response_type, account_token_position: position } of exports) {
    if (type === 'service') t.equal(response_type, 'Singleton', subject)
    if (subject.startsWith('interdict.')) t.equal(subject.split('.')[position! - 1], '*', subject)
    else
      t.match(
        subject,
        /^\$KV\.interdict-rings|^\$JS\.API\.DIRECT\.GET\.(KV_interdict-rings\.|OBJ_interdict-bundles)/
      )
  }
  t.equal(exports.length, 10)
  t.end()
})

t.test('servers with known ways out of an account', t => {
  const unsafe = ['1.4.1', '2.9.25', '2.10.26', '2.11.15', '2.12.6', '2.10.0-RC.1', '']
  const safe = ['2.10.27', '2.11.16', '2.12.7', '2.13.0', '3.0.0', '2.10.27-beta.1']
  t.strictSame(unsafe.filter(isUnsafe), unsafe)
  t.strictSame(safe.filter(isUnsafe), [])
  t.end()
})

t.test('live lookups beyond a rate are dropped', t => {
  const sent: string[] = []
  let now = 0
  const clock = { now: () => now, wall: () => now }
  const relay = new LiveRelay(subject => void sent.push(subject), clock)
  for (let i = 0; i < 20; i++) relay.take('a', Buffer.from('x'))
  relay.take('b', Buffer.from('x'))
  relay.take('b', Buffer.alloc(65 * 1024))
  t.equal(sent.length, 17)
  t.equal(sent.at(-1), 'interdict.live.b')
  now = 1000
  relay.take('a', Buffer.from('x'))
  t.equal(sent.length, 18)
  t.end()
})
