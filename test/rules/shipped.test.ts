import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { showPrefix } from '../../src/base/values/address.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { COVER, type NameSource, type RuleSet } from '../../src/policy/rules/model/types.js'

/** The rules that ship with the program. */
const SHIPPED = fileURLToPath(new URL('../../../rules/', import.meta.url))

/** When the facts were gathered: epoch seconds. */
const NOVEMBER_2026 = Date.UTC(2026, 10, 25) / 1000

const rules = await load(SHIPPED)

/** Rules that load with no error and no warning. */
async function load(folder: string): Promise<RuleSet> {
  const result = await loadRules(folder, { now: () => 0, wall: () => NOVEMBER_2026 * 1000 })
  const found = result.ok ? result.warnings : result.errors
  if (!result.ok || found.length > 0) throw new Error(found.map(it => it.message).join('\n'))
  return result.rules
}

interface Pattern {
  readonly name: string
  readonly cover: number
}

const patterns = new Map(rules.sources.map(source => [source.id, patternsOf(source)]))

function patternsOf(source: NameSource): Pattern[] {
  const found: Pattern[] = []
  source.writeTo({
    name: (octets, at, _length, cover) => found.push({ name: textOf(octets, at), cover }),
    prefix: () => undefined
  })
  return found
}

/** A wire name as text; the shipped names have no octets that need escaping. */
function textOf(octets: Uint8Array, at: number): string {
  const labels: string[] = []
  for (let head = octets[at]!; head !== 0; head = octets[at]!) {
    labels.push(Buffer.from(octets.subarray(at + 1, at + 1 + head)).toString('latin1'))
    at += 1 + head
  }
  return labels.join('.')
}

/** The plain meaning of the notation, to hold the files against. */
const covers = (app: string, qname: string): boolean =>
  patterns.get(app)!.some(({ name, cover }) => {
    if (qname === name) return cover !== COVER.below
    return cover !== COVER.exact && qname.endsWith(`.${name}`)
  })

t.test('at least 25 apps of kind app have names', async t => {
  const apps = rules.sources.filter(({ kind }) => kind === 'app')
  const kinds = await Promise.all(
    apps.map(
      async ({ id }) =>
        /^kind: (\w+)$/m.exec(await readFile(join(SHIPPED, 'apps', `${id}.yaml`), 'utf8'))?.[1]
    )
  )
  t.ok(kinds.filter(kind => kind === 'app').length >= 25, `${kinds.length} files`)
  for (const { id } of apps) t.ok(patterns.get(id)!.length > 0, id)
})

const covered = [
  ['tiktok', 'tiktok.com'],
  ['tiktok', 'www.tiktok.com'],
  ['tiktok', 'v16-webapp.tiktokcdn.com'],
  ['tiktok', 'api16-normal-c-useast1a.tiktokv.com'],
  ['tiktok', 'lf16.tiktokcdn.com.edgesuite.net'],
  ['tiktok', 'musical.ly'],
  ['bytedance-shared', 'mon.byteoversea.com'],
  ['bytedance-shared', 'dig.bdurl.net'],
  ['lemon8', 'lemon8-api.tiktokv.com'],
  ['deepseek', 'chat.deepseek.com'],
  ['wechat', 'short.weixin.qq.com'],
  ['qq', 'im.qq.com'],
  ['whatsapp', 'mmg.whatsapp.net'],
  ['telegram', 't.me'],
  ['x', 'x.com'],
  ['netflix', 'www.netflix.com'],
  ['steam', 'steamcdn-a.akamaihd.net'],
  ['yandex', 'xn--d1acpjx3f.xn--p1ai'],
  ['kaspersky', 's01.upd.kaspersky.com'],
  ['max', 'api.oneme.ru'],
  ['private-relay', 'mask.icloud.com'],
  ['private-relay', 'mask-h2.icloud.com'],
  ['firefox-canary', 'use-application-dns.net'],
  ['resolver-arpa', '_dns.resolver.arpa'],
  ['resolver-arpa', 'resolver.arpa'],
  ['encrypted-dns', 'dns.google'],
  ['encrypted-dns', 'mozilla.cloudflare-dns.com'],
  ['encrypted-dns', 'abc123.dns.nextdns.io'],
  ['encrypted-dns', 'dns.quad9.net'],
  ['vpn-providers', 'api.nordvpn.com'],
  ['tiktok', 'pay.tokopediax.com'],
  ['tiktok', 'api16-normal.ttapis.com'],
  ['bytedance-shared', 'sami-sg1.byteintlapi.com'],
  ['bytedance-shared', 'tiktok-lb-texas.useast5.byteoversea.net.byteigtm.com'],
  ['wechat', 'vweixinf.tc.qq.com'],
  ['wechat', 'szwbwxsns.video.qq.com'],
  ['tencent-shared', 'wx.qlogo.cn'],
  ['discord', '1234.discordsays.com'],
  ['encrypted-dns', 'dns.opendns.com'],
  ['httpdns', 'httpdns.baidu.com'],
  ['youtube', 'rr1---sn-a.googlevideo.com'],
  ['youtube', 'youtubei.googleapis.com'],
  ['signal', 'chat.signal.org'],
  ['chatgpt', 'files.oaiusercontent.com'],
  ['claude', 'api.anthropic.com'],
  ['gemini', 'generativelanguage.googleapis.com'],
  ['copilot', 'copilot.microsoft.com'],
  ['teams', 'statics.teams.cdn.office.net'],
  ['twitch', 'd6tizftlrpuof.cloudfront.net'],
  ['linkedin', 'media.licdn.com'],
  ['kuaishou', 'api.kwai-pro.com'],
  ['tiktok', 'pull-f5.tiktokcdn.com.c.worldfcdn.com'],
  ['tiktok', 'tiktokv.com.c.worldfcdn2.com'],
  ['tiktok', 'tiktok.cdnvideo.ru'],
  ['bytedance-shared', 'p7.pstatp.com.w.alikunlun.net'],
  ['bytedance-shared', 'dynamic-comm.snssdk.com.bdgslb.com'],
  ['bytedance-shared', 'v1-dy.ixiguavideo.com']
] as const

for (const [app, name] of covered) {
  t.test(`${app} covers ${name}`, async t => t.ok(covers(app, name)))
}

const spared = [
  ['tiktok', 'nottiktok.com'],
  ['tiktok', 'tiktok.com.example'],
  ['tiktok', 'com'],
  ['tiktok', 'akamaized.net'],
  ['tiktok', 'video.akamaized.net'],
  ['tiktok', 'byteoversea.com'],
  ['tiktok', 'other.onelink.me'],
  ['tiktok', 'other.com.c.worldfcdn.com'],
  ['tiktok', 'www.tiktok.cdnvideo.ru'],
  ['bytedance-shared', 'other.com.w.alikunlun.net'],
  ['bytedance-shared', 'larksuite.com'],
  ['bytedance-shared', 'volcengineapi.com'],
  ['lemon8', 'tiktokv.com'],
  ['wechat', 'qq.com'],
  ['wechat', 'im.qq.com'],
  ['wechat', 'notweixin.qq.com'],
  ['x', 'netflix.com'],
  ['x', 'xx.com'],
  ['x', 'at.co'],
  ['netflix', 'other.com.edgesuite.net'],
  ['steam', 'other.akamaihd.net'],
  ['steam', 'x.steamcdn-a.akamaihd.net'],
  ['facebook', 'facebook.net'],
  ['instagram', 'fbcdn.net'],
  ['private-relay', 'icloud.com'],
  ['private-relay', 'www.icloud.com'],
  ['private-relay', 'apple-dns.net'],
  ['private-relay', 'gateway.fe.apple-dns.net'],
  ['firefox-canary', 'mozilla.org'],
  ['encrypted-dns', 'google'],
  ['encrypted-dns', 'www.google.com'],
  ['encrypted-dns', 'cloudflare.com'],
  ['encrypted-dns', 'use-application-dns.net'],
  ['vpn-providers', 'mozilla.org'],
  ['httpdns', 'www.baidu.com'],
  ['tiktok', 'www.tokopedia.com'],
  ['youtube', 'www.google.com'],
  ['youtube', 'fonts.googleapis.com'],
  ['gemini', 'www.google.com'],
  ['copilot', 'www.bing.com'],
  ['copilot', 'update.microsoft.com'],
  ['teams', 'login.microsoftonline.com'],
  ['linkedin', 'x.l-0005.l-msedge.net.example'],
  ['twitch', 'other.cloudfront.net'],
  ['line', 'www.naver.jp'],
  ['aliexpress', 'www.alicdn.com'],
  ['bilibili', 'other.akamaized.net']
] as const

for (const [app, name] of spared) {
  t.test(`${app} does not cover ${name}`, async t => t.notOk(covers(app, name)))
}

/** Zones with many tenants, which public lists of apps mention; nothing may cover them whole. */
const NEVER = `
  akadns.net akamai.net akamaiedge.net akamaihd.net akamaized.net alikunlun.com amazonaws.com
  app-measurement.com app.link appsflyersdk.com appspot.com atomile.com awsdns-26.net b-cdn.net
  baishan-cloud.net bintray.com bsgslb.cn bsgslb.com cdn20.com cdngslb.com cloudflare.net
  cloudfront.net dnsv1.com ecdnx.com edgekey.net edgesuite.net fastly.net kunlunca.com
  kunluncan.com mncdn.com myqcloud.com onelink.me page.link qlivecdn.com queniuaa.com queniuiq.com
  react.com reactjs.org rocket-cdn.com rocksdb.org srip.net storage.googleapis.com swiftserve.com
  taobao.com tlivepush.com umeng.com us-west-2.amazonaws.com wsdvs.com wshifen.com zendesk.com
  alicdn.com cdn.cloudflare.net ggpht.com googleapis.com live-video.net lync.com map.fastly.net
  msedge.net office.net pubnub.com s3.amazonaws.com sinaapp.com smtcdns.net tokopedia.com
  trafficmanager.net yandexcloud.net`.match(/\S+/g)!

t.test('no app covers shared infrastructure or a top-level domain', async t => {
  for (const [app, names] of patterns) {
    const wrong = NEVER.filter(zone => covers(app, zone) || covers(app, `tenant-of-it.${zone}`))
    t.strictSame(wrong, [], app)
    t.ok(
      names.every(({ name }) => name.includes('.')),
      app
    )
  }
})

/** Apps that policies name. */
const EXPECTED = `
  aliexpress bigo bilibili chatgpt claude clubhouse copilot discord facebook gab gemini instagram
  kaspersky kuaishou likee line linkedin netflix onlyfans parler pinterest reddit roblox rumble
  signal skype snapchat teams telegram temu tiktok tinder truth-social twitch viber wechat weibo
  whatsapp x youtube zoom`.match(/\S+/g)!

t.test('every app can be banned; only names forced for a reason give a warning', async t => {
  const ids = [...patterns.keys()].filter(id => !id.includes('.'))
  t.strictSame(
    EXPECTED.filter(id => !ids.includes(id)),
    []
  )
  const folder = t.testdir()
  await cp(join(SHIPPED, 'apps'), join(folder, 'apps'), { recursive: true })
  const ban = `{ apps: [${ids.join(', ')}], authority: a, reference: b }`
  const networks = `networks:\n  n:\n    prefixes: [10.0.0.0/8]\n    bans:\n      - ${ban}\n`
  await writeFile(join(folder, 'networks.yaml'), networks)
  const result = await loadRules(folder)
  const found = result.ok ? result.warnings : result.errors
  t.ok(result.ok)
  t.strictSame(
    found.map(({ code, message }) => `${code} ${/apps\/(.*)\.yaml/.exec(message)?.[1] ?? message}`),
    ['chatgpt', 'claude', 'discord', 'discord'].map(app => `RULES_FORCED ${app}`)
  )
})

t.test('no name of an app is covered twice', async t => {
  for (const [app, names] of patterns) {
    const suffixes = new Set(
      names.flatMap(({ name, cover }) => (cover === COVER.suffix ? [name] : []))
    )
    const doubles = names.filter(({ name }) =>
      [...suffixes].some(suffix => name.endsWith(`.${suffix}`))
    )
    t.strictSame(doubles, [], app)
  }
})

const local = rules.networks.find(({ id }) => id === 'local')!

t.test('only non-global addresses are served', async t => {
  t.strictSame(
    rules.networks.map(({ id }) => id),
    ['local']
  )
  t.strictSame(local.prefixes.map(showPrefix).sort(), [
    '10.0.0.0/8',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '::1/128',
    'fc00::/7',
    'fe80::/10'
  ])
})

const bans = [
  ['be-federal-tiktok', 'tiktok,bytedance-shared', 'nxdomain', 'censored'],
  ['local-encrypted-dns', 'encrypted-dns,httpdns', 'nxdomain', 'blocked'],
  ['local-private-relay', 'private-relay', 'nxdomain', 'blocked'],
  ['local-firefox-canary', 'firefox-canary', 'nxdomain', 'blocked']
] as const

for (const [id, apps, action, ede] of bans) {
  t.test(`the ban ${id} is enforced with ${action} and ede ${ede}`, async t => {
    const ban = local.rules.find(rule => rule.id === id)
    if (ban?.kind !== 'ban') throw new Error(`no ban ${id}`)
    t.equal(ban.sources.map(source => source.id).join(), apps)
    t.match(ban, { mode: 'enforce', reply: { action, ede, ttl: 60 } })
    t.ok(ban.from <= NOVEMBER_2026 && ban.until === Infinity)
  })
}

t.test('the Belgian ban begins at midnight in Brussels and has a reference', async t => {
  const ban = local.rules.find(({ id }) => id === 'be-federal-tiktok')
  t.match(ban, { from: Date.UTC(2024, 2, 19, 23) / 1000, legalBasis: /^Circular 716/ })
})

t.test('the examples at the end of networks.yaml load as they stand', async t => {
  const folder = t.testdir({ lists: { 'malware.txt': 'malware.example\n' } })
  await cp(join(SHIPPED, 'apps'), join(folder, 'apps'), { recursive: true })
  const text = await readFile(join(SHIPPED, 'networks.yaml'), 'utf8')
  const [before, examples] = text.split(/^(?=## Examples)/m)
  const used = `${before!}${examples!.replace(/^##.*\n/gm, '').replace(/^# ?/gm, '')}`
  await writeFile(join(folder, 'networks.yaml'), used)

  const department = (await load(folder)).networks.find(({ id }) => id === 'department')!
  const kinds = department.rules.map(({ kind, id }) => (kind === 'ban' ? id : kind))
  t.strictSame(
    kinds.sort(),
    [
      'allow',
      'be-federal-tiktok',
      'block',
      'department-deepseek',
      'exception',
      ...bans.slice(1).map(([id]) => id)
    ].sort()
  )
})
