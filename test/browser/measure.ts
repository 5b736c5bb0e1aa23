/**
 * `node dist/test/browser/measure.js [ROUNDS]`: what the first view of the dashboard costs on slow connections, and what five
 * open dashboards cost the clients of the gateway. Nothing is asserted; the figures are in docs/guides/dashboard.md.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Browser, Page } from 'puppeteer-core'
import t from 'tap'
import { cpuOf, MICROSECONDS_PER_TICK } from '../../bench/kit/proc.js'
import { install } from '../../tools/install.js'
import { startChrome } from './chrome.js'
import { startGateway, type Gateway } from './gateway.js'
import { logIn } from './steps.js'

/** The conditions of Chromium's developer tools, as Lighthouse uses them: bytes/s, and milliseconds for a round trip. */
const CONNECTIONS = {
  'slow 4G': { downloadThroughput: 204_800, uploadThroughput: 84_375, latency: 150 },
  'fast 4G': { downloadThroughput: 1_152_000, uploadThroughput: 196_608, latency: 60 },
  loopback: undefined
} as const
const DASHBOARDS = 5
const RATE = 4_000
const SECONDS = 10

const rounds = Number(process.argv[2] ?? 3)
const say = (text: string): void => void process.stdout.write(`# ${text}\n`)
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

interface FirstView {
  readonly bytes: number
  readonly requests: number
  readonly paint: number
  readonly tiles: number
  /** Of the main thread of the page, scripts and layout: milliseconds. */
  readonly cpu: number
}

/** Opens the page in a browser that knows nothing but the token. */
async function firstView(
  chrome: Browser,
  { url, token }: Gateway,
  connection: (typeof CONNECTIONS)[keyof typeof CONNECTIONS]
): Promise<FirstView> {
  const context = await chrome.createBrowserContext()
  const page = await context.newPage()
  await page.goto(`${url}/livez`)
  await page.evaluate(`sessionStorage.setItem('interdict.token', '${token('reader')}')`)
  const session = await page.createCDPSession()
  await session.send('Network.enable')
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  if (connection !== undefined)
    await session.send('Network.emulateNetworkConditions', { offline: false, ...connection })
  let [bytes, requests] = [0, 0]
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
    requests++
  })
  await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 120_000 })
  await page.waitForSelector('.tile .figure', { timeout: 120_000 })
  const [paint, tiles] = (await page.evaluate(
    `[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN, performance.now()]`
  )) as [number, number]
  // Charts are drawn later, but belong to what one sees first.
  await page.waitForFunction('document.querySelector(".loading") === null')
  const { metrics } = await session.send('Performance.getMetrics')
  const cpu = 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value
  await context.close()
  return { bytes, requests, paint, tiles, cpu }
}

interface Load {
  /** The p99.9 of response times: milliseconds. */
  readonly tail: number
  readonly lost: string
  /** Of all processes of the gateway, for each query: microseconds. */
  readonly cpu: number
}

/** What dnsperf sees at a steady rate, and what it costs the gateway. */
async function load({ dns, site, server }: Gateway): Promise<Load> {
  const names = Array.from({ length: 500 }, (_, i) => `n${i % 50}.example A`)
  site.write('names.txt', `${names.join('\n')}\nwww.tiktok.com A\n`)
  const words = ['-s', dns.address, '-p', String(dns.port), '-d', site.path('names.txt')]
  words.push('-Q', String(RATE), '-l', String(SECONDS), '-O', 'latency-histogram')
  const ticks = (): number => {
    const { user, system } = cpuOf(server.child.pid!)
    return user + system
  }
  const before = ticks()
  const { stdout } = await promisify(execFile)('dnsperf', words)
  const cpu = ((ticks() - before) * MICROSECONDS_PER_TICK) / (RATE * SECONDS)
  const buckets = [...stdout.matchAll(/^\s*[\d.]+ - ([\d.]+):\s+(\d+)/gm)]
  let left = buckets.reduce((sum, [, , count]) => sum + Number(count), 0) * 0.999
  const [, end] = buckets.find(([, , count]) => (left -= Number(count)) <= 0) ?? []
  const [, lost = '?'] = /Queries lost:\s+(\d+)/.exec(stdout) ?? []
  return { tail: 1000 * Number(end), lost, cpu }
}

async function openDashboards(chrome: Browser, { url, token }: Gateway): Promise<Page[]> {
  const pages: Page[] = []
  for (let i = 0; i < DASHBOARDS; i++) {
    // Three look at the first page, two at lookups as they come.
    const page = await (await chrome.createBrowserContext()).newPage()
    await page.goto(url + (i < 3 ? '/' : '/log?live=1'))
    await logIn(page, token('reader'))
    await page.waitForSelector(i < 3 ? '.tile .figure' : '[data-stream=open]')
    pages.push(page)
  }
  return pages
}

t.setTimeout(900_000)
t.test('figures', async t => {
  install('dnsperf')
  const gateway = await startGateway(t)
  const chrome = await startChrome()
  t.teardown(() => chrome.close())
  await firstView(chrome, gateway, undefined)
  for (const [name, connection] of Object.entries(CONNECTIONS)) {
    const views: FirstView[] = []
    for (let i = 0; i < rounds; i++) views.push(await firstView(chrome, gateway, connection))
    const of = (key: keyof FirstView): string => median(views.map(view => view[key])).toFixed(0)
    say(
      `${name}: ${of('bytes')} bytes in ${of('requests')} requests; first paint ${of('paint')} ms, figures ${of('tiles')} ms, CPU ${of('cpu')} ms`
    )
  }
  const ratios: number[] = []
  const costs: number[] = []
  for (let i = 0; i < rounds; i++) {
    const without = await load(gateway)
    const pages = await openDashboards(chrome, gateway)
    const beside = await load(gateway)
    for (const page of pages) await page.browserContext().close()
    ratios.push(beside.tail / without.tail)
    costs.push(beside.cpu / without.cpu)
    say(
      `p99.9 without a dashboard ${without.tail.toFixed(2)} ms (${without.lost} lost), with ${DASHBOARDS} ${beside.tail.toFixed(2)} ms (${beside.lost} lost)`
    )
    say(`CPU an answer: ${without.cpu.toFixed(1)} µs without, ${beside.cpu.toFixed(1)} µs with`)
  }
  say(`p99.9 with ${DASHBOARDS} dashboards: x${median(ratios).toFixed(2)}`)
  say(`CPU an answer with ${DASHBOARDS} dashboards: x${median(costs).toFixed(2)}`)
  t.pass()
})
