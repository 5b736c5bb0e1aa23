/**
 * `node dist/test/browser/screenshots.js FOLDER [PAGE...]`: pictures of every page at three widths, light and dark, and of
 * the page of the login.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { PAGES } from '../../src/web/pages.js'
import { interdict } from '../cli/run.js'
import { askUdp } from '../daemon/dns-client.js'
import { startChrome } from './chrome.js'
import { startGateway } from './gateway.js'
import { logIn } from './steps.js'

const WIDTHS = [420, 1280, 1920]
const [folder = 'screenshots', ...wanted] = process.argv.slice(2)
const VIEWS = [
  ...PAGES.map(({ id, path }) => [id, path] as const),
  ['why-answer', '/why?name=www.tiktok.com&client=10.10.1.7'] as const,
  ['calendar', '/bans?view=calendar'] as const,
  ['ban-report', '/reports?kind=ban&id=federal-tiktok'] as const,
  ['stored', '/reports?stored='] as const
]

t.setTimeout(600_000)
t.test('screenshots', async t => {
  mkdirSync(folder, { recursive: true })
  const gateway = await startGateway(t, { hasProblem: wanted.includes('problem') })
  const settings = gateway.site.path('interdict.yaml')
  t.equal((await interdict('reports', 'send', 'daily', '-c', settings)).code, 0)
  const [stored] = readdirSync(gateway.site.path('state/reports')).filter(it =>
    it.endsWith('.html')
  )
  const views = [...VIEWS, ['stored-report', `/reports?stored=${stored}`] as const]
  const chrome = await startChrome()
  t.teardown(() => chrome.close())
  for (let i = 0; i < 60; i++)
    await askUdp(gateway.dns, i % 3 === 0 ? 'www.tiktok.com' : `host${i}.example`)
  for (const scheme of ['light', 'dark'] as const) {
    for (const width of WIDTHS) {
      const context = await chrome.createBrowserContext()
      const page = await context.newPage()
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await page.setViewport({ width, height: width === 420 ? 900 : 1080 })
      await page.goto(gateway.url)
      await page.waitForSelector('input[name=token]')
      if (wanted.length === 0 || wanted.includes('login'))
        await page.screenshot({ path: join(folder, `login-${width}-${scheme}.png`) })
      if (wanted.length === 0 || wanted.includes('refused')) {
        await page.goto(`${gateway.url}/?login=OIDC_ROLE`)
        await page.waitForSelector('[role=alert]')
        await page.screenshot({ path: join(folder, `refused-${width}-${scheme}.png`) })
      }
      await logIn(page, gateway.token('operator'))
      for (const [id, path] of views) {
        if (wanted.length > 0 && !wanted.includes(id)) continue
        await page.goto(gateway.url + path)
        await page.waitForSelector('h1')
        await page.waitForNetworkIdle({ idleTime: 700, timeout: 20_000 }).catch(() => undefined)
        await page
          .waitForFunction('document.querySelector(".loading") === null', { timeout: 15_000 })
          .catch(() => undefined)
        await sleep(200)
        await page.screenshot({
          path: join(folder, `${id}-${width}-${scheme}.png`),
          fullPage: true
        })
        t.pass(`${id} ${width} ${scheme}`)
      }
      await context.close()
    }
  }
})
