import type { Browser } from 'puppeteer-core'
import type { Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { askUdp } from '../daemon/dns-client.js'
import { eventually } from '../daemon/site.js'
import { startGateway } from './gateway.js'
import { findings, logIn, shows, visitorsOf } from './steps.js'

type Besides = (name: string, work: (t: Test) => Promise<void>) => void

/** Drafts that are signed in the browser, where the rules are a bundle. */
export function signingTests(besides: Besides, chrome: Browser): void {
  besides('a draft, approved by a second person, is signed in the browser', async t => {
    const signer = generateKeys()
    const own = await startGateway(t, { signer })
    const { page, faults } = await visitorsOf(chrome, own).openAs(t, 'operator', '/change')
    await (await page.waitForSelector('[data-button=create-key]'))!.click()
    await page.waitForSelector('[data-key=stored] [data-public]')
    t.strictSame(await findings(page), [], 'axe, a key')
    await page.reload()
    await page.waitForSelector('[data-key=stored]')
    const canExport = await page.evaluate(`new Promise((resolve, reject) => {
      indexedDB.open('interdict').onsuccess = ({ target }) => {
        target.result.transaction('keys').objectStore('keys').get('signing').onsuccess = found =>
          crypto.subtle.exportKey('pkcs8', found.target.result.privateKey)
            .then(() => resolve(true), () => resolve(false))
      }
    })`)
    t.equal(canExport, false, 'the private key cannot leave the browser')
    await (await page.waitForSelector('[data-key=stored] button'))!.click()
    const input = (await page.waitForSelector('input[data-input=key]'))!
    own.site.write('key.pem', signer.privatePem)
    await input.uploadFile(own.site.path('key.pem'))
    await page.waitForFunction(
      `document.querySelector('[data-public]')?.textContent === '${signer.publicKey}'`
    )
    const rules = own.site.read('rules/networks.yaml')
    const made = await fetch(`${own.url}/api/v1/rules/drafts?title=Roblox&reason=test`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${own.token('drafter')}`,
        'content-type': 'application/vnd.interdict.rules+json'
      },
      body: JSON.stringify({
        'networks.yaml': rules.replace(
          'block:\n',
          'block:\n      - { id: new, names: [signed.example] }\n'
        )
      })
    })
    t.equal(made.status, 201)
    await page.reload()
    await (await page.waitForSelector('[data-table=drafts-table] tbody button'))!.click()
    await page.waitForSelector('[data-draft] .diff .added')
    t.equal(await page.$('[data-button=sign]'), null, 'not before somebody else has approved it')
    await (await page.waitForSelector('[data-draft] ::-p-text(Approve)'))!.click()
    const sign = await page.waitForSelector('[data-draft] [data-button=sign]')
    t.strictSame(await findings(page), [], 'axe, a draft')
    await sign!.click()
    await page.waitForSelector('[data-draft] [data-outcome=accepted]')
    await shows(page, 'In force, by operator')
    await eventually('the draft is in force', async () => {
      return (await askUdp(own.dns, 'signed.example')).rcode === 'NXDOMAIN'
    })
    t.strictSame(faults, [])
  })

  besides('without HTTPS the page says so, and which command signs', async t => {
    const own = await startGateway(t)
    const context = await chrome.createBrowserContext()
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.evaluateOnNewDocument(
      `Object.defineProperty(globalThis, 'isSecureContext', { value: false })`
    )
    await page.goto(`${own.url}/change`)
    await logIn(page, own.token('operator'))
    await page.waitForSelector('[data-signing=insecure]')
    await shows(page, 'interdict bundle sign rules.bundle --key KEY.pem')
    t.equal(await page.$('[data-button=create-key]'), null)
    t.strictSame(await findings(page), [])
  })
}
