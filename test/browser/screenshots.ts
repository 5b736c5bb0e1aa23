/**
 * `node dist/test/browser/screenshots.js [--language LANGUAGE] [--empty] [--failing STATUS] FOLDER [PAGE...]`: pictures of every page, with dialogs and
 * other states, at three widths, light and dark, and of the page of the login. `--empty`: of a gateway after its first start.
 * `problem` as a page: of one with an upstream that does not answer. `--failing 503`: of one whose API answers with this status.
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
    empty: { type: 'boolean', default: false },
    /** The status of all responses about the state of the gateway. */
    failing: { type: 'string' }
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

/** What a row of the log opens. */
const EXCEPTION = 'add=exception&network=ministry&client=10.10.1.7&app=tiktok'

/** Fills in what the row does not say, and shows the effect. */
const preview: Step = async page => {
  // An option whose value is its text has no attribute.
  await page.waitForFunction(`document.querySelector('select[name=network]')?.value === 'ministry'`)
  await page.type('input[name=purpose]', 'Press conference')
  await click('[data-button=preview]', '[data-impact=done]')(page)
}

const makeDraft: Step = async page => {
  await preview(page)
  await click('[data-button=draft]', '[data-table=drafts-table] tbody button')(page)
  await click('[data-table=drafts-table] tbody button', '[data-draft] [data-impact=done]')(page)
}

/** Opens the editor, makes a mistake, and lets it complete a key. */
const mistype: Step = async page => {
  await click('.tabs button:last-child', '[data-editor]')(page)
  await (await page.waitForSelector('[data-editor] >>> .cm-content'))!.click()
  await page.keyboard.down('Control')
  await page.keyboard.press('Home')
  await page.keyboard.up('Control')
  await page.keyboard.type('dnssec: 1\n')
  await page.waitForSelector('[data-live=invalid]')
  await page.keyboard.type('must-')
  await page.keyboard.down('Control')
  await page.keyboard.press('Space')
  await page.keyboard.up('Control')
  await page.waitForSelector('[data-editor] >>> .cm-tooltip-autocomplete')
}

/** Opens the editor, and its search. */
const find: Step = async page => {
  await click('.tabs button:last-child', '[data-editor]')(page)
  await (await page.waitForSelector('[data-editor] >>> .cm-content'))!.click()
  await page.keyboard.down('Control')
  await page.keyboard.press('KeyF')
  await page.keyboard.up('Control')
  await page.waitForSelector('[data-editor] >>> .cm-search')
}

/** Makes a signing key in the browser. */
const makeKey: Step = async page => {
  await click('[data-button=create-key]', '[data-key=stored]')(page)
}

/** Answers for the gateway, except who has logged in. */
async function fail(page: Page, status: number): Promise<void> {
  await page.setRequestInterception(true)
  const problem = { code: 'API_COMMAND', detail: 'the log cannot be read: EACCES', status }
  page.on('request', request => {
    const { pathname } = new URL(request.url())
    const isState = pathname.startsWith('/api/v1/') && !/\/(me|process)$/.test(pathname)
    if (!isState) return void request.continue()
    const contentType = 'application/problem+json'
    return void request.respond({ status, contentType, body: JSON.stringify(problem) })
  })
}

/** Pauses a block, with a reason. */
const pauseAds: Step = async page => {
  await click('[data-row=ads] button', 'dialog [data-pause=start]')(page)
  await page.type('dialog input[name=reason]', 'Payments page of the ministry is broken')
  await click('dialog [data-pause=start]', '[data-paused]')(page)
}

/** A chain of trust that fails, in the answer of the API: the upstream of this gateway signs nothing. */
const showChain: Step = async page => {
  const step = (subject: string, verdict: string, text: string) => ({ subject, verdict, text })
  const expired = 'RRSIG of key 31589 (ECDSAP256SHA256) expired on 2026-11-28T00:00:00Z'
  const dnssec = {
    ...{ mode: 'observe', verdict: 'bogus', ede: 7, reason: `www.gov.example A: ${expired}` },
    steps: [
      step('. DNSKEY', 'secure', 'signed by key 20326, which is a trust anchor'),
      step('example DS', 'secure', 'signed by key 38696 of .'),
      step('example DNSKEY', 'secure', 'signed by key 31589, which matches DS'),
      step('www.gov.example A', 'bogus', expired)
    ]
  }
  await page.evaluateOnNewDocument(`(() => {
    const real = window.fetch
    window.fetch = async (...given) => {
      const response = await real(...given)
      if (!String(given[0].url ?? given[0]).includes('/explain')) return response
      return new Response(JSON.stringify({ ...(await response.json()), dnssec: ${JSON.stringify(dnssec)} }), response)
    }
  })()`)
  await page.reload()
  await page.waitForSelector('[data-verdict]')
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
    [
      'row',
      '/log?app=tiktok&network=phones',
      click('.log .body .c-time button', 'dialog[open] dl ~ section')
    ],
    ['device', '/bans', click('[aria-label="Device, 10.10.9.7"]', 'dialog[open] dl')],
    ['allow', '/threats?list=ads', click('[data-table=names] button', '#add form')],
    ['mute', '/threats', click('[data-findings] button', 'dialog form')],
    ['halt', '/gateways', click('[data-table=rings] button', 'dialog[open]')],
    ['edit', '/change', click('.tabs button:last-child', '[data-editor]')],
    ['edit-errors', '/change', mistype],
    ['edit-find', '/change', find],
    ['signing-key', '/change', makeKey],
    ['form', `/change?${EXCEPTION}`, preview],
    ['draft', `/change?${EXCEPTION}`, makeDraft],
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
    ['why-dnssec', '/why?name=www.gov.example&client=10.10.1.7', showChain],
    ['calendar', '/bans?view=calendar'],
    ['client', '/explore?client=10.20.4.7&since=7d'],
    ['hours', '/explore?view=hours'],
    ['effect', '/explore?view=effect&ban=deepseek-ban'],
    ['list-hits', '/threats?list=ads'],
    ['live', '/log?live=1'],
    ['no-match', '/log?name=nothing.example'],
    ['ban-report', '/reports?kind=ban&id=federal-tiktok'],
    ['dnssec-report', '/reports?kind=dnssec&since=7d'],
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
  if (values.failing !== undefined) await fail(page, Number(values.failing))
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
