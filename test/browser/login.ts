import type { Browser, Page } from 'puppeteer-core'
import type { Test } from 'tap'
import { eventually } from '../daemon/site.js'
import type { Gateway } from './gateway.js'
import { findings, shows, visitorsOf } from './steps.js'

/** Login of people by a real OpenID Connect provider, as they do it. */
export function loginTests(
  test: (name: string, work: (t: Test) => Promise<void>) => void,
  chrome: Browser,
  gateway: Gateway
): void {
  const { open } = visitorsOf(chrome, gateway)
  const isHere = (page: Page): boolean => page.url().startsWith(gateway.url)

  /** Goes to the provider; a form of it asks for the name, the next one for consent. */
  const begin = async (page: Page): Promise<void> => {
    await page.click('a.main')
    await page.waitForSelector('input[name=login]')
  }
  const fillIn = async (page: Page, person: string): Promise<void> => {
    await page.type('input[name=login]', person)
    await page.type('input[name=password]', 'any')
    for (let forms = 0; !isHere(page) && forms < 3; forms++)
      await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')])
  }

  test('a person logs in, sees what the role allows, and logs out', async t => {
    const { page, faults } = await open(t)
    await page.waitForSelector('a.main')
    t.strictSame(await findings(page), [], 'axe')
    await begin(page)
    await fillIn(page, 'alice')
    await page.waitForSelector('nav')
    await shows(page, 'user:alice')
    await page.click('nav a[href="/change"]')
    await page.waitForSelector('[data-row=ads]')
    t.equal(await page.$('[data-row=ads] button'), null, 'reads only')
    await page.click('nav a[href="/system"]')
    await page.waitForSelector('[data-table=audit]')
    await shows(page, 'Login')
    t.equal(await page.$('main form'), null)
    await page.locator('::-p-text(Log out)').click()
    await eventually('the session at the provider is to be ended as well', () => !isHere(page))
    await page.goto(gateway.url)
    await page.waitForSelector('a.main')
    t.strictSame(faults, [])
  })

  test('a person of another role may do more, on the page that was opened', async t => {
    const { page, faults } = await open(t, '/change?opened')
    await page.waitForSelector('a.main')
    await begin(page)
    await fillIn(page, 'carol')
    await page.waitForSelector('[data-row=ads] button')
    t.equal(page.url(), `${gateway.url}/change?opened=`)
    t.strictSame(faults, [])
  })

  test('a person who is refused sees the reason, in the language of the browser', async t => {
    const { page, faults } = await open(t)
    await page.waitForSelector('a.main')
    await page.evaluate("localStorage.setItem('interdict.language', 'fr')")
    await begin(page)
    await fillIn(page, 'bob')
    await shows(page, 'aucun de vos rôles')
    // A reload does not say it again.
    await page.waitForFunction("location.search === ''")
    t.strictSame(await findings(page), [], 'axe')
    await page.evaluate("localStorage.setItem('interdict.language', 'de')")
    await page.goto(`${gateway.url}/api/v1/login/callback?state=old&code=x`)
    await shows(page, 'zu lange gedauert')
    t.strictSame(faults, [])
  })

  test('a login that is cancelled', async t => {
    const { page, faults } = await open(t)
    await page.waitForSelector('a.main')
    await begin(page)
    await page.locator('a[href$="/abort"]').click()
    await eventually('back', () => isHere(page))
    await shows(page, 'The login was cancelled')
    await page.goto(`${gateway.url}/?login=%3Cb%3Enothing`)
    await shows(page, 'The login has failed')
    t.equal(await page.evaluate("document.body.innerText.includes('nothing')"), false)
    t.strictSame(faults, [])
  })
}
