/**
 * `node dist/test/browser/screenshots.js [--language LANGUAGE] [--empty] FOLDER [PAGE...]`: pictures of every page, with dialogs and
 * other states, at three widths, light and dark, and of the page of the login. `--empty`: of a gateway after its first start.
 * `problem` as a page: of one with an upstream that does not answer.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { PAGES } from '../../src/admin/web/pages.js'
import { interdict } from '../cli/run.js'
import { askUdp } from '../daemon/dns-client.js'
import { startChrome } from './chrome.js'
import { startGateway } from './gateway.js'
import { logIn } from './steps.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    language: { type: 'string', default: 'en' },
    widths: { type: 'string', default: '420,1280,1920' },
    /** A gateway as after its first start. */
    empty: { type: 'boolean', default: false }
  }
})
const [folder = 'screenshots', ...wanted] = positionals
const widths = values.widths.split(',').map(Number)
const isWanted = (id: string): boolean => wanted.length === 0 || wanted.includes(id)

/** Resolves when nothing has been loading for a second. */
const SETTLED = `(async () => {
  for (let quiet = 0, all = 0; quiet < 10 && all < 600; all++) {
    quiet = document.querySelector('.loading, [data-search]:not([data-search=done])') === null ? quiet + 1 : 0
    await new Promise(done => setTimeout(done, 100))
  }
})()`

/** What is done on a page before its pictures. */
type Step = (page: Page) => Promise<unknown>

type View = readonly [id: string, path: string, step?: Step]

/** Clicks, then waits for what that shows. */
const click =
  (selector: string, shown: string): Step =>
  async page => {
    await (await page.waitForSelector(selector))!.click()
    await page.waitForSelector(shown)
  }

/** Pauses a block, with a reason. */
const pauseAds: Step = async page => {
  await click('[data-row=ads] button', 'dialog [data-pause=start]')(page)
  await page.type('dialog input[name=reason]', 'Payments page of the ministry is broken')
  await click('dialog [data-pause=start]', '[data-paused]')(page)
}

/** At all widths and in both schemes. */
async function pictures(page: Page, id: string): Promise<void> {
  for (const width of widths) {
    await page.setViewport({ width, height: width < 800 ? 900 : 1080 })
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      // Charts are drawn by the next frames.
      await page.evaluate(
        'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))'
      )
      await page.screenshot({ path: join(folder, `${id}-${width}-${scheme}.png`), fullPage: true })
    }
  }
}

t.setTimeout(1_200_000)
t.test('screenshots', async t => {
  mkdirSync(folder, { recursive: true })
  const gateway = await startGateway(t, {
    hasProblem: wanted.includes('problem'),
    isEmpty: values.empty
  })
  const settings = gateway.site.path('interdict.yaml')
  if (!values.empty) t.equal((await interdict('reports', 'send', 'daily', '-c', settings)).code, 0)
  const [stored] = gateway.site.has('state/reports')
    ? readdirSync(gateway.site.path('state/reports')).filter(it => it.endsWith('.html'))
    : []
  /** Uploads the rules with one of their lines changed. */
  const upload =
    (from: string, to: string, shown: string): Step =>
    async page => {
      const rules = gateway.site.read('rules/networks.yaml').replace(from, to)
      gateway.site.write('upload/networks.yaml', rules)
      const input = (await page.waitForSelector('input[data-input=files]'))!
      await input.uploadFile(gateway.site.path('upload/networks.yaml'))
      await page.waitForSelector(shown)
    }
  const filled: readonly View[] = [
    ['row', '/log?app=tiktok', click('.log .body .c-time button', 'dialog[open]')],
    ['halt', '/gateways', click('[data-table=rings] button', 'dialog[open]')],
    ['edit', '/change', click('.tabs button:last-child', 'textarea')],
    ['pause', '/change', click('[data-row=ads] button', 'dialog [data-pause=start]')],
    ['paused', '/change', pauseAds],
    [
      'candidate',
      '/change',
      upload('apps: [deepseek]', 'apps: [deepseek, temu]', '[data-impact=done]')
    ],
    [
      'invalid',
      '/change',
      upload('apps: [deepseek]', 'apps: [deepsek]', '[data-candidate=invalid]')
    ]
  ]
  const views: readonly View[] = [
    ...PAGES.map(({ id, path }) => [id, path] as const),
    ['why-answer', '/why?name=www.tiktok.com&client=10.10.1.7'],
    ['calendar', '/bans?view=calendar'],
    ['live', '/log?live=1'],
    ['no-match', '/log?name=nothing.example'],
    ['ban-report', '/reports?kind=ban&id=federal-tiktok'],
    ['stored', '/reports?stored='],
    ['stored-report', `/reports?stored=${stored}`],
    ['gap', '/gateways?ban=federal-tiktok'],
    ...(values.empty ? [] : filled),
    [
      'offline',
      '/',
      async page => {
        await page.setOfflineMode(true)
        await page.waitForSelector('.offline')
      }
    ]
  ]
  const chrome = await startChrome()
  t.teardown(() => chrome.close())
  for (let i = 0; i < (values.empty ? 0 : 60); i++)
    await askUdp(gateway.dns, i % 3 === 0 ? 'www.tiktok.com' : `host${i}.example`)
  const page = await chrome.newPage()
  page.setDefaultTimeout(120_000)
  await page.goto(gateway.url)
  await page.evaluate(`localStorage.setItem('interdict.language', '${values.language}')`)
  await page.goto(`${gateway.url}/?login=OIDC_ROLE`)
  await page.waitForSelector('[role=alert]')
  if (isWanted('refused')) await pictures(page, 'refused')
  await page.goto(gateway.url)
  await page.waitForSelector('input[name=token]')
  if (isWanted('login')) await pictures(page, 'login')
  await logIn(page, gateway.token('operator'))
  for (const [id, path, step] of views) {
    if (!isWanted(id)) continue
    await page.setViewport({ width: widths[0]!, height: 900 })
    await page.goto(gateway.url + path)
    await page.waitForSelector('h1')
    await page.evaluate(SETTLED)
    await step?.(page)
    await pictures(page, id)
    t.pass(id)
  }
})
