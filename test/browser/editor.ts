import type { Browser, Page } from 'puppeteer-core'
import t from 'tap'
import type { Gateway } from './gateway.js'
import { findings, visitorsOf } from './steps.js'

/** The text of the editor, which is in a shadow root, as an expression in the page. */
export const EDITOR = `document.querySelector('[data-editor]')?.shadowRoot?.querySelector('.cm-content')`

/** The editor of the page Change. */
export function editorTests(chrome: Browser, gateway: Gateway): void {
  const { openAs } = visitorsOf(chrome, gateway)
  const openEditor = async (page: Page): Promise<void> => {
    await (await page.waitForSelector('.card .tabs button:last-child'))!.click()
    await (await page.waitForSelector('[data-editor] >>> .cm-content'))!.click()
    await chord(page, 'Home')
  }

  t.test('editor: errors at their lines while typing, kept across pages, checked', async t => {
    const { page, faults } = await openAs(t, 'reader', '/change')
    await page.waitForSelector('[data-row=ads]')
    const loaded = (): Promise<unknown> =>
      page.evaluate(`performance.getEntriesByType('resource')
        .filter(({ name }) => name.includes('code-editor')).length`)
    t.equal(await loaded(), 0, 'not loaded before it is opened')
    await openEditor(page)
    t.equal(await loaded(), 1)
    await page.keyboard.type('must-resolve: 1\n')
    await page.waitForSelector('[data-live=invalid]')
    await page.waitForSelector('[data-editor] >>> .cm-lintRange-error')
    const [listed] = (await page.evaluate(
      `[...document.querySelectorAll('.problems li')].map(one => one.textContent)`
    )) as string[]
    t.match(listed, /^networks\.yaml:1:15 .*DOCUMENT_INVALID$/)
    await page.evaluate('scrollTo(0, 0)')
    t.strictSame(await findings(page), [], 'axe, light')
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
    t.strictSame(await findings(page, ['color-contrast']), [], 'axe, dark')
    await page.click('nav a[href="/bans"]')
    await page.waitForSelector('#ban-federal-tiktok')
    await page.click('nav a[href="/change"]')
    await page.waitForFunction(`${EDITOR}?.textContent.includes('must-resolve: 1')`)
    await (await page.waitForSelector('.problems button'))!.click()
    await page.waitForFunction(`document.activeElement.dataset.editor === 'networks.yaml'`)
    await chord(page, 'Home')
    await page.keyboard.press('End')
    await page.keyboard.press('Backspace')
    await page.keyboard.type('[example.com]')
    await page.waitForSelector('[data-live=valid]')
    await page.waitForFunction(`${EDITOR}.querySelector('.cm-lintRange-error') === null`)
    // The menu, which stays at the top, covers what was scrolled below it.
    await page.evaluate('scrollTo(0, 0)')
    await (await page.waitForSelector('::-p-text(Check 1 changed file)'))!.click()
    await page.waitForSelector('[data-candidate=valid]')
    t.strictSame(faults, [], 'no style or script is against the policy')
  })

  t.test('editor: completes keys, values and names; Tab leaves it', async t => {
    const { page, faults } = await openAs(t, 'reader', '/change')
    await openEditor(page)
    await page.keyboard.type('must-')
    await accept(page, 'must-resolve')
    await page.waitForFunction(`${EDITOR}.textContent.startsWith('must-resolve: ')`)
    await page.keyboard.type('[]\ndefaults: { action: refu')
    await accept(page, 'refused')
    await page.keyboard.press('End')
    await page.keyboard.type('\nscope: { tikt')
    await accept(page, 'tiktok')
    await page.keyboard.type('[pho')
    await accept(page, 'phones')
    await page.waitForFunction(`${EDITOR}.textContent.includes('scope: { tiktok: [phones')`)
    t.strictSame(await findings(page), [], 'axe')
    await page.keyboard.press('Tab')
    await page.waitForFunction(`document.activeElement.dataset.editor === undefined`)
    await page.select('.preferences select', 'de')
    await page.waitForFunction(`document.documentElement.lang === 'de'`)
    await (await page.waitForSelector('[data-editor] >>> .cm-content'))!.click()
    await chord(page, 'KeyF')
    await page.waitForSelector('[data-editor] >>> .cm-search input[placeholder=Suchen]')
    t.strictSame(await findings(page), [], 'axe, the search panel')
    t.strictSame(faults, [])
  })
}

async function chord(page: Page, key: 'Home' | 'Space' | 'KeyF'): Promise<void> {
  await page.keyboard.down('Control')
  await page.keyboard.press(key)
  await page.keyboard.up('Control')
}

/** Takes the option that is offered first, which must be this one. */
async function accept(page: Page, label: string): Promise<void> {
  const first = `document.querySelector('[data-editor]').shadowRoot
    .querySelector('.cm-tooltip-autocomplete li[aria-selected]')?.textContent === '${label}'`
  await page.waitForFunction(first)
  // CodeMirror takes no key for a moment after the list has appeared, since it may be meant for the text.
  await new Promise(done => setTimeout(done, 200))
  await page.keyboard.press('Enter')
  await page.waitForFunction(`!(${first})`)
}
