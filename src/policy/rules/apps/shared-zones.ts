/** A zone of a CDN, cloud or service in which many customers have names. */
export interface SharedZone {
  readonly zone: string
  /** Its operator, for display. */
  readonly operator: string
  /** The evidence that it is shared. */
  readonly source: string
}

const PSL = 'Public Suffix List'
/** Public lists of CNAME targets have names of several companies below it. */
const TABLES = 'public tables of CNAME targets of CDNs'
/** Public lists have names of several customers below it, such as `name`. */
const customerNames = (name: string): string => `names of single customers in public lists, ${name}`

/**
 * Zones that no rule may block as a whole, as each name below them belongs to one customer. Includes
 * zones of the Public Suffix List that occur in lists of apps, so that a message can name the
 * operator.
 */
export const SHARED_ZONES: readonly SharedZone[] = [
  ...zonesOf('Akamai', PSL, [
    ...['akadns.net', 'akamai.net', 'akamaiedge.net', 'akamaihd.net', 'akamaiorigin.net'],
    ...['akamaized.net', 'edgekey.net', 'edgesuite.net']
  ]),
  ...zonesOf('Akamai', TABLES, ['srip.net']),
  ...zonesOf('Amazon Web Services', PSL, [
    'amazonaws.com',
    'elasticbeanstalk.com',
    'awsapprunner.com'
  ]),
  ...zonesOf('Amazon CloudFront', PSL, ['cloudfront.net']),
  ...zonesOf('Cloudflare', PSL, ['cloudflare.net', 'pages.dev', 'workers.dev']),
  ...zonesOf(
    'Fastly',
    'https://www.fastly.com/documentation/learning/concepts/routing-traffic-to-fastly/',
    ['fastly.net']
  ),
  ...zonesOf('Microsoft Azure', PSL, [
    ...['azureedge.net', 'azurefd.net', 'azurewebsites.net', 'cloudapp.net', 'cloudapp.azure.com'],
    ...['core.windows.net', 'trafficmanager.net']
  ]),
  ...zonesOf('Google Cloud', PSL, [
    'appspot.com',
    'firebaseapp.com',
    'googleapis.com',
    'run.app',
    'web.app'
  ]),
  ...zonesOf('Google', customerNames('discordapp.page.link'), ['page.link']),
  ...zonesOf(
    'Alibaba Cloud',
    'https://www.alibabacloud.com/help/en/dcdn/getting-started/add-a-cname-record-for-a-domain-name',
    ['cdngslb.com']
  ),
  ...zonesOf('Alibaba Cloud', TABLES, ['alikunlun.com', 'kunlunca.com', 'kunluncan.com']),
  ...zonesOf('Alibaba Cloud', customerNames('hdslb.com.w.kunlunpi.com'), [
    'kunlunhuf.com',
    'kunlunpi.com'
  ]),
  ...zonesOf('Kingsoft Cloud', customerNames('dl.steam.ksyna.com'), ['ksyna.com', 'ksyungslb.com']),
  ...zonesOf('Highwinds', customerNames('f3b7q2p3.ssl.hwcdn.net'), ['hwcdn.net']),
  ...zonesOf('Tencent Cloud', TABLES, ['dnsv1.com', 'myqcloud.com']),
  ...zonesOf('Tencent Cloud', customerNames('tiktokcdn.com.qlivecdn.com'), [
    'qlivecdn.com',
    'tlivepush.com'
  ]),
  ...zonesOf('Tencent Cloud', customerNames('tiktok.freeflow.sched.ovscdns.net'), [
    'ovscdns.com',
    'ovscdns.net'
  ]),
  ...zonesOf('Wangsu (CDNetworks)', TABLES, ['cdn20.com', 'wscdns.com', 'wsdvs.com', 'wsglb0.com']),
  ...zonesOf('CDNetworks', 'https://documents.cdnetworks.com/document/15914/31924', ['wcdnga.com']),
  ...zonesOf('Baishan Cloud', TABLES, [
    'baishan-cloud.net',
    'bsclink.cn',
    'bsgslb.cn',
    'bsgslb.com'
  ]),
  ...zonesOf('Bunny', customerNames('doh1.b-cdn.net'), ['b-cdn.net']),
  ...zonesOf('Conversant', TABLES, ['swiftserve.com']),
  ...zonesOf('Medianova', customerNames('tiktok.mncdn.com'), ['mncdn.com']),
  ...zonesOf('a CDN', customerNames('tiktokcdn.com.atomile.com'), [
    ...['atomile.com', 'ecdnx.com', 'queniuaa.com', 'queniuiq.com', 'rocket-cdn.com'],
    'rocket-cdnbp.com'
  ]),
  ...zonesOf('a CDN', customerNames('steampowered.com.8686c.com'), ['8686c.com']),
  ...zonesOf('a CDN', customerNames('steam.eca.qtlglb.com'), ['qtlglb.com']),
  ...zonesOf('a CDN', customerNames('uposdash-302-bilivideo.yfcdn.net'), ['yfcdn.net']),
  ...zonesOf('AppsFlyer', customerNames('snssdk1233.onelink.me'), [
    'appsflyersdk.com',
    'onelink.me'
  ]),
  ...zonesOf('Branch', customerNames('musically.app.link'), ['app.link']),
  ...zonesOf('Zendesk', customerNames('hammerandchisel.ssl.zendesk.com'), ['zendesk.com'])
]

function zonesOf(operator: string, source: string, zones: readonly string[]): SharedZone[] {
  return zones.map(zone => ({ zone, operator, source }))
}

/** Each zone by its own name and by its parent names, except for top-level domains. */
const byName = new Map([
  ...SHARED_ZONES.flatMap(one => parentNames(one.zone).map(name => [name, one] as const)),
  ...SHARED_ZONES.map(one => [one.zone, one] as const)
])

function parentNames(zone: string): string[] {
  const labels = zone.split('.')
  return labels.slice(1, -1).map((_, i) => labels.slice(i + 1).join('.'))
}

/** A shared zone at or below a name, if there is one. */
export function sharedZoneCoveredBy(name: string): SharedZone | undefined {
  return byName.get(name)
}

/** The shared zone that contains a name. */
export function sharedZoneContaining(name: string): SharedZone | undefined {
  return SHARED_ZONES.find(({ zone }) => name === zone || name.endsWith(`.${zone}`))
}
