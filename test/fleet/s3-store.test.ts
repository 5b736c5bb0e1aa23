import { createHash, randomBytes } from 'node:crypto'
import { lookup } from 'node:dns'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { inMemory, type ShippedFile } from '../../src/fleet/ship/log-store.js'
import { S3Client } from '../../src/fleet/ship/s3-client.js'
import { PART, S3Store } from '../../src/fleet/ship/s3-store.js'
import { CentralLog } from '../../src/lookups/central/central-log.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { ACCESS, S3Server, signatureOf } from './s3-server.js'
import { fast, LoggingGateway, minuteOf, temporaryFolder } from './ship-rig.js'

t.test('the server of this test computes the signatures that AWS publishes', t => {
  // Amazon S3 API Reference, "Signature Calculations for the Authorization Header", examples 1 and 2.
  const signed = (names: string) =>
    `AWS4-HMAC-SHA256 Credential=${ACCESS.id}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=0`
  const common = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' }
  const get = {
    ...{ ...common, range: 'bytes=0-9' },
    authorization: signed('host;range;x-amz-content-sha256;x-amz-date'),
    'x-amz-content-sha256': createHash('sha256').digest('hex')
  }
  t.equal(
    signatureOf({ method: 'GET', url: '/test.txt', headers: get, body: Buffer.alloc(0) }),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'
  )
  const body = Buffer.from('Welcome to Amazon S3.')
  const put = {
    ...{ ...common, date: 'Fri, 24 May 2013 00:00:00 GMT' },
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    authorization: signed('date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class'),
    'x-amz-content-sha256': createHash('sha256').update(body).digest('hex')
  }
  t.equal(
    signatureOf({ method: 'PUT', url: '/test%24file.text', headers: put, body }),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'
  )
  t.end()
})

async function rig(
  t: Test,
  keys = `[default]\naws_access_key_id = ${ACCESS.id}\naws_secret_access_key = ${ACCESS.secret}\n`
) {
  const server = new S3Server()
  const credentials = join(temporaryFolder(t), 'credentials')
  writeFileSync(credentials, keys)
  const config = {
    ...{ endpoint: await server.start(t), region: 'eu-west-1', bucket: 'logs', prefix: 'fleet/' },
    ...{ credentials, caFile: undefined }
  }
  const client = new S3Client(config, fast(), lookup)
  return { server, config, store: new S3Store(client, config.prefix, 's3://logs/fleet') }
}

function fileOf(octets: Buffer, path = 'chains/one/a'): ShippedFile {
  const sha256 = createHash('sha256').update(octets).digest('hex')
  return { path, sha256, size: octets.length, read: offset => inMemory(octets, offset) }
}

t.test('the logs of a gateway arrive in a bucket, as in a folder', async t => {
  const { server, store } = await rig(t)
  const gateway = new LoggingGateway(t, 'one')
  gateway.close('20261110T110000.000Z', ...minuteOf('2026-11-10', 1, 4, { network: 'guests' }))
  gateway.close('20261110T120000.000Z', ...minuteOf('2026-11-10', 2))
  await gateway.maintain('2026-11-10T12:30:00Z')
  t.match(await gateway.shipper(store).pass(), { confirmed: 2 })
  const { length } = server.puts
  t.match(await gateway.shipper(store).pass(), { files: 0 })
  t.equal(server.puts.length, length, 'nothing is sent twice')
  const keep = { days: 0, space: 0, networks: [{ id: 'guests', days: 1 }] }
  await gateway.maintain('2026-11-13T00:10:00Z', { keep })
  t.match(await gateway.shipper(store).pass(), { confirmed: 1 })
  const folder = temporaryFolder(t)
  for (const [key, octets] of server.objects) {
    t.ok(key.startsWith('fleet/'))
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    writeFileSync(join(folder, key), octets)
  }
  const database = await openDatabase({ memory: 2 ** 27, threads: 1 })
  await database.openFleet(new CentralLog(join(folder, 'fleet')))
  t.strictSame(await database.rows('SELECT count(*) AS n FROM lookups'), [{ n: 3 }])
  database.close()
  t.notOk(
    [...server.objects.keys()].some(key => key.includes('/0-')),
    'expired rows are removed'
  )
  t.equal(server.refused, 0)
})

t.test('an upload of parts goes on where it was interrupted', async t => {
  const { server, store } = await rig(t)
  const octets = randomBytes(2 * PART + 1000)
  const file = fileOf(octets)
  for (const dieAt of [
    'partNumber=1',
    'partNumber=2',
    'partNumber=3',
    'POST /logs/fleet/chains/one/a?uploadId'
  ]) {
    server.cut = (method, url) => `${method} ${url}`.includes(dieAt)
    await t.rejects(store.put(file), { code: 'FLEET_LOGS' }, dieAt)
  }
  t.equal(server.objects.size, 0, 'nothing appears before it is complete')
  server.cut = () => false
  t.equal(await store.put(file), true)
  t.ok(server.objects.get('fleet/chains/one/a')?.equals(octets))
  t.equal(await store.put(file), true)
  const parts = server.puts.filter(put => /\d$/.test(put))
  t.strictSame(
    parts,
    ['1', '2', '3'].map(n => `PUT fleet/chains/one/a ${n}`),
    'each part once'
  )
})

t.test('what the service says is reported', async t => {
  const { server, store, config } = await rig(t)
  server.cut = () => true
  await t.rejects(store.put(fileOf(Buffer.from('x'))), {
    code: 'FLEET_LOGS',
    message: /s3:\/\/logs\/fleet/
  })
  server.cut = () => false
  const other = new S3Client({ ...config, bucket: 'absent' }, fast(), lookup)
  await t.rejects(new S3Store(other, '', 'to').put(fileOf(Buffer.from('x'))), {
    message: /not stored|NoSuchBucket/
  })
  const wrong = await rig(
    t,
    `aws_access_key_id=${ACCESS.id}\naws_secret_access_key=wrong\naws_session_token=s\n`
  )
  await t.rejects(wrong.store.put(fileOf(Buffer.from('x'))), { message: /403/ })
  t.equal(wrong.server.objects.size, 0)
  const none = await rig(t, 'nothing')
  await t.rejects(none.store.put(fileOf(Buffer.from('x'))), { message: /aws_access_key_id/ })
})
