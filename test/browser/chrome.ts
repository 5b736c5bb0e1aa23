import { existsSync } from 'node:fs'
import puppeteer, { type Browser } from 'puppeteer-core'
import { install } from '../../tools/install.js'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Starts Chromium without a window; installs Debian's if there is none. */
export async function startChrome(...more: readonly string[]): Promise<Browser> {
  if (!PATHS.some(existsSync)) install('chromium')
  return puppeteer.launch({
    executablePath: PATHS.find(existsSync)!,
    headless: true,
    args: [
      // Root has no sandbox, and a container little shared memory; no page here is from elsewhere.
      ...['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--hide-scrollbars'],
      // Nothing that Chromium does by itself, such as updates.
      ...['--disable-background-networking', '--disable-component-update', '--no-first-run'],
      ...more
    ]
  })
}
