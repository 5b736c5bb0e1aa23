/**
 * `node dist/test/browser/keyboard.js [WIDTH] [PAGE...]`: walks through every page with Tab alone, and prints where it stops. Asserts
 * that everything is reached, once, in the order in which it is seen, has a name and shows that it has the focus.
 */
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { PAGES } from '../../src/admin/web/pages.js'
import { startChrome } from './chrome.js'
import { startGateway } from './gateway.js'
import { logIn } from './steps.js'

const [width = '1280', ...wanted] = process.argv.slice(2)
/** More than any page has. */
const MOST = 600

interface Stop {
  readonly name: string
  readonly tag: string
  /** Whether an outline is drawn around it. */
  readonly hasRing: boolean
  /** Whether it is where one can see it. */
  readonly isSeen: boolean
  readonly top: number
  readonly left: number
}

interface Reached extends Stop {
  readonly isSame: boolean
  readonly isAgain: boolean
}

/** Of the element with the focus; null: the document. Each is marked; fields for dates have several stops. */
const STOP = `(() => {
  const it = document.activeElement
  if (it === null || it === document.body) return null
  const isSame = globalThis.last === it
  globalThis.last = it
  const isAgain = !isSame && it.dataset.reached !== undefined
  it.dataset.reached = ''
  const { outlineStyle, outlineWidth } = getComputedStyle(it)
  const { top, left, width, height, bottom } = it.getBoundingClientRect()
  const text = it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent
  return {
    name: text.trim().replace(/\\s+/g, ' ').slice(0, 60),
    tag: it.tagName.toLowerCase(),
    hasRing: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0,
    isSeen: width > 0 && height > 0 && bottom > 0 && top < innerHeight,
    top: Math.round(top + scrollY), left: Math.round(left),
    isSame, isAgain
  }
})()`

const MISSED = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter(it => it.dataset.reached === undefined && it.tabIndex >= 0 && !it.disabled && it.checkVisibility())
  .map(it => it.tagName.toLowerCase() + ' ' + it.textContent.trim().slice(0, 60))`

async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = []
  // From the top of the document, wherever the page has put the focus.
  await page.evaluate(`document.body.tabIndex = -1
    document.body.focus()
    document.body.removeAttribute('tabindex')`)
  for (let presses = 0; presses < 2 * MOST; presses++) {
    await page.keyboard.press('Tab')
    const stop = (await page.evaluate(STOP)) as Reached | null
    if (stop === null || stop.isAgain) break
    if (!stop.isSame) stops.push(stop)
  }
  return stops
}

t.setTimeout(900_000)
t.test('keyboard', async t => {
  const gateway = await startGateway(t)
  const chrome = await startChrome()
  t.teardown(() => chrome.close())
  const page = await chrome.newPage()
  page.setDefaultTimeout(120_000)
  await page.setViewport({ width: Number(width), height: 900 })
  await page.goto(gateway.url)
  const check = async (id: string): Promise<void> => {
    const stops = await walk(page)
    process.stdout.write(`\n# ${id}\n`)
    for (const { tag, name, top, left } of stops)
      process.stdout.write(
        `#   ${tag.padEnd(8)} ${String(top).padStart(5)} ${String(left).padStart(5)}  ${name}\n`
      )
    t.ok(stops.length > 0 && stops.length < MOST, `${id}: no trap`)
    t.strictSame(
      stops.filter(({ name }) => name === ''),
      [],
      `${id}: names`
    )
    t.strictSame(
      stops.filter(({ hasRing }) => !hasRing),
      [],
      `${id}: rings`
    )
    t.strictSame(
      stops.filter(({ isSeen }) => !isSeen),
      [],
      `${id}: seen`
    )
    t.strictSame(await page.evaluate(MISSED), [], `${id}: everything is reached`)
  }
  await page.waitForSelector('input[name=token]')
  await check('login')
  await logIn(page, gateway.token('operator'))
  for (const { id, path } of PAGES) {
    if (wanted.length > 0 && !wanted.includes(id)) continue
    await page.goto(gateway.url + path)
    await page.waitForSelector('h1')
    await page.waitForFunction('document.querySelector(".loading, [data-search=running]") === null')
    await check(id)
  }
})
