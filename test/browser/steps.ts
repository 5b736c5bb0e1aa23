import type { Page } from 'puppeteer-core'

/** Logs in with a token on the page that is open. */
export async function logIn(page: Page, token: string): Promise<void> {
  await page.waitForSelector('input[name=token]')
  await page.type('input[name=token]', token)
  await page.click('form button')
  await page.waitForSelector('nav')
}
