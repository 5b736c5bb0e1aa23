import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'puppeteer-core'
import type { Test } from 'tap'
import type { Gateway } from './gateway.js'

/** Whatever else the machine does: nothing here is measured. */
const TIMEOUT = 120_000
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Logs in with a token on the page that is open. */
export async function logIn(page: Page, token: string): Promise<void> {
  await page.waitForSelector('input[name=token]')
  await page.type('input[name=token]', token)
  await page.click('form button')
  await page.waitForSelector('nav')
}

/** By the keyboard: a dialog that still grows moves what the mouse would hit. */
export async function pressInDialog(page: Page, selector: string): Promise<void> {
  await page.focus(selector)
  await page.keyboard.press('Enter')
}

export interface Open {
  readonly page: Page
  /** Errors of the console and of scripts, and requests to other hosts. */
  readonly faults: string[]
}

/** A new visitor. Whatever pages of this origin complain about is a fault, unless a test expects it. */
export async function visit(t: Test, chrome: Browser, url: string): Promise<Open> {
  const { origin: host, protocol } = new URL(url)
  const origin = protocol === 'file:' ? 'file:' : host
  const context = await chrome.createBrowserContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(TIMEOUT)
  const faults: string[] = []
  const isOurs = (): boolean => page.url().startsWith(origin)
  page.on('console', message => {
    const text = message.text()
    // Two questions to the log are answered at a time, and Chromium reports the status of others, which the page repeats.
    if (text.includes('503 (Service Unavailable)')) return
    if (isOurs() && ['error', 'warn'].includes(message.type())) faults.push(text)
  })
  page.on('pageerror', error => faults.push(String(error)))
  page.on('request', request => {
    if (isOurs() && !request.isNavigationRequest() && !request.url().startsWith('data:'))
      if (!request.url().startsWith(origin)) faults.push(`request to ${request.url()}`)
  })
  await page.goto(url)
  return { page, faults }
}

/** Visitors of a gateway: without a token, and with one. */
export function visitorsOf(chrome: Browser, { url, token }: Pick<Gateway, 'url' | 'token'>) {
  const open = (t: Test, path = '/'): Promise<Open> => visit(t, chrome, url + path)
  return {
    open,
    openAs: async (t: Test, name: Parameters<Gateway['token']>[0], path = '/'): Promise<Open> => {
      const opened = await open(t, path)
      await logIn(opened.page, token(name))
      return opened
    }
  }
}

/** Waits until the page shows a text. */
export const shows = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`)

const WHAT = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Serious findings of axe-core: WCAG 2.2, levels A and AA. @param rules only these */
export async function findings(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Rows become cards in the frame after the width has changed.
  await page.evaluate(
    'new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn))))'
  )
  // Through the debugger, which the content security policy of the page does not concern.
  await page.evaluate(AXE)
  const runOnly = rules === undefined ? WHAT : { type: 'rule', values: rules }
  return (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ runOnly })})
      .then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`
  )) as string[]
}
