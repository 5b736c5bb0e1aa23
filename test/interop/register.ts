/** The register of bans and the landing page in a real browser: valid HTML, and nothing that axe finds serious. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { HtmlValidate } from 'html-validate'
import { launch, type Browser } from 'puppeteer-core'
import t from 'tap'
import { LandingServer } from '../../src/admin/register/landing-server.js'
import { publicBans } from '../../src/admin/register/public-bans.js'
import { registerSite } from '../../src/admin/register/site.js'
import { landingRules, NETWORKS, NOW, rulesOf } from '../register/rules.js'
import { install } from '../../tools/install.js'
import { folder } from './processes.js'

t.setTimeout(300_000)
install('chromium')

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WIDTHS = [375, 1280]

const site = registerSite(publicBans(await rulesOf(NETWORKS), NOW), 'nl', '2026-06-01')
const server = new LandingServer(await landingRules(NETWORKS), () => NOW)
const port = await server.listen('127.0.0.1', 0)
t.teardown(() => server.close())

t.test('pages are valid HTML', async t => {
  const validator = new HtmlValidate({
    extends: ['html-validate:recommended', 'html-validate:a11y'],
    rules: {
      'void-style': 'off',
      'no-trailing-whitespace': 'off',
      'long-title': 'off',
      'doctype-style': 'off'
    }
  })
  const landing = await fetch(`http://127.0.0.1:${port}/`)
  const pages = [...site, ['landing.html', await landing.text()] as const]
  for (const [path, content] of pages) {
    if (!path.endsWith('.html')) continue
    const { results } = await validator.validateString(content)
    const found = results.flatMap(({ messages }) =>
      messages.map(it => `${it.ruleId}: ${it.message}`)
    )
    t.strictSame(found, [], path)
  }
})

t.test('axe finds nothing serious, and nothing overflows', async t => {
  const root = folder(t)
  for (const [path, content] of site) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const args = ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * 127.0.0.1']
  const browser = await launch({ executablePath: '/usr/bin/chromium', args, timeout: 120_000 })
  t.teardown(() => browser.close())
  const pages = [
    'index.html',
    'fr/index.html',
    'bans/be-clip/index.html',
    'de/bans/be-clip/index.html'
  ]
  const urls = [
    ...pages.map(path => `file://${join(root, path)}`),
    `http://clip.example:${port}/`,
    `http://ads.example:${port}/`,
    `http://127.0.0.1:${port}/`
  ]
  for (const url of urls) {
    for (const width of WIDTHS) {
      for (const scheme of ['light', 'dark']) {
        t.strictSame(await problems(browser, url, width, scheme), [], `${url} ${width} ${scheme}`)
      }
    }
  }
})

async function problems(
  browser: Browser,
  url: string,
  width: number,
  scheme: string
): Promise<string[]> {
  const page = await browser.newPage()
  await page.setViewport({ width, height: 900 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.goto(url, { timeout: 120_000 })
  const shot = process.env.SCREENSHOTS
  if (shot !== undefined) {
    const name = url.replace(/[^a-z0-9]+/gi, '-').slice(-40)
    await page.screenshot({ path: join(shot, `${name}-${width}-${scheme}.png`), fullPage: true })
  }
  await page.evaluate(AXE)
  const found = (await page.evaluate(
    `axe.run().then(({ violations }) => violations.filter(it => ['serious', 'critical'].includes(it.impact)).map(it => it.id + ': ' + it.nodes.map(node => node.html).join(' ')))`
  )) as string[]
  const overflows = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth'
  )
  const isStyled = await page.evaluate("getComputedStyle(document.body).margin === '0px'")
  if (isStyled !== true) found.push('its style sheet is not applied')
  await page.close()
  return overflows === true ? [...found, 'scrolls sideways'] : found
}
