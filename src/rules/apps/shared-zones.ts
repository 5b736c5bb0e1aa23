/** A zone of a delivery network, cloud or service in which many customers have names. */
export interface SharedZone {
  readonly zone: string
  /** Who runs it, for people. */
  readonly operator: string
  /** What says that it is shared. */
  readonly source: string
}

const PSL = 'Public Suffix List'
/** Names of several companies stand below it in public lists of CNAME targets. */
const TABLES = 'public tables of CNAME targets of delivery networks'
/** A name of one app below it, as public lists have it, beside those of others. */
const below = (name: string): string => `names of single customers in public lists, ${name}`

/**
 * Zones that no rule may block whole: single names below them belong to one customer each. Those of
 * the Public Suffix List are here too, where people meet them in lists of apps, so that a message
 * says whose they are.
 */
export const SHARED_ZONES: readonly SharedZone[] = [
  ...each('Akamai', PSL, [
    ...['akadns.net', 'akamai.net', 'akamaiedge.net', 'akamaihd.net', 'akamaiorigin.net'],
    ...['akamaized.net', 'edgekey.net', 'edgesuite.net']
  ]),
  ...each('Akamai', TABLES, ['srip.net']),
  ...each('Amazon Web Services', PSL, [
    'amazonaws.com',
    'elasticbeanstalk.com',
    'awsapprunner.com'
  ]),
  ...each('Amazon CloudFront', PSL, ['cloudfront.net']),
  ...each('Cloudflare', PSL, ['cloudflare.net', 'pages.dev', 'workers.dev']),
  ...each(
    'Fastly',
    'https://www.fastly.com/documentation/learning/concepts/routing-traffic-to-fastly/',
    ['fastly.net']
  ),
  ...each('Microsoft Azure', PSL, [
    ...['azureedge.net', 'azurefd.net', 'azurewebsites.net', 'cloudapp.net', 'cloudapp.azure.com'],
    ...['core.windows.net', 'trafficmanager.net']
  ]),
  ...each('Google Cloud', PSL, [
    'appspot.com',
    'firebaseapp.com',
    'googleapis.com',
    'run.app',
    'web.app'
  ]),
  ...each('Google', below('discordapp.page.link'), ['page.link']),
  ...each(
    'Alibaba Cloud',
    'https://www.alibabacloud.com/help/en/dcdn/getting-started/add-a-cname-record-for-a-domain-name',
    ['cdngslb.com']
  ),
  ...each('Alibaba Cloud', TABLES, ['alikunlun.com', 'kunlunca.com', 'kunluncan.com']),
  ...each('Tencent Cloud', TABLES, ['dnsv1.com', 'myqcloud.com']),
  ...each('Tencent Cloud', below('tiktokcdn.com.qlivecdn.com'), ['qlivecdn.com', 'tlivepush.com']),
  ...each('Wangsu (CDNetworks)', TABLES, ['cdn20.com', 'wscdns.com', 'wsdvs.com', 'wsglb0.com']),
  ...each('CDNetworks', 'https://documents.cdnetworks.com/document/15914/31924', ['wcdnga.com']),
  ...each('Baishan Cloud', TABLES, ['baishan-cloud.net', 'bsclink.cn', 'bsgslb.cn', 'bsgslb.com']),
  ...each('Bunny', below('doh1.b-cdn.net'), ['b-cdn.net']),
  ...each('Conversant', TABLES, ['swiftserve.com']),
  ...each('Medianova', below('tiktok.mncdn.com'), ['mncdn.com']),
  ...each('a delivery network', below('tiktokcdn.com.atomile.com'), [
    ...['atomile.com', 'ecdnx.com', 'queniuaa.com', 'queniuiq.com', 'rocket-cdn.com']
  ]),
  ...each('AppsFlyer', below('snssdk1233.onelink.me'), ['appsflyersdk.com', 'onelink.me']),
  ...each('Branch', below('musically.app.link'), ['app.link']),
  ...each('Zendesk', below('hammerandchisel.ssl.zendesk.com'), ['zendesk.com'])
]

function each(operator: string, source: string, zones: readonly string[]): SharedZone[] {
  return zones.map(zone => ({ zone, operator, source }))
}

/** Each zone under the names above it, but for top-level ones, and under its own. */
const byName = new Map([
  ...SHARED_ZONES.flatMap(one => namesAbove(one.zone).map(name => [name, one] as const)),
  ...SHARED_ZONES.map(one => [one.zone, one] as const)
])

function namesAbove(zone: string): string[] {
  const labels = zone.split('.')
  return labels.slice(1, -1).map((_, i) => labels.slice(i + 1).join('.'))
}

/** The shared zone that all below a name takes in, if it takes in one. */
export function sharedZoneBelow(name: string): SharedZone | undefined {
  return byName.get(name)
}

/** The shared zone that a name is in. */
export function sharedZoneAround(name: string): SharedZone | undefined {
  return SHARED_ZONES.find(({ zone }) => name === zone || name.endsWith(`.${zone}`))
}
