import type { Browser } from 'puppeteer-core'
import type { Test } from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { startGateway } from './gateway.js'
import { findings, visitorsOf } from './steps.js'

const BAN = `
networks:
  all:
    prefixes: [0.0.0.0/0]
    bans:
      - { id: first, apps: [tiktok], authority: National Security Council, reference: Decision 1 }
`

/** From a gateway without a ban to the first blocked lookup, as Now shows it. */
export function firstStepsTests(
  besides: (name: string, work: (t: Test) => Promise<void>) => void,
  chrome: Browser
): void {
  besides(
    'first steps: each is done in turn, and nothing is green before the first ban',
    async t => {
      const gateway = await startGateway(t, { isEmpty: true })
      const { page, faults } = await visitorsOf(chrome, gateway).openAs(t, 'operator')
      const done = (step: string): Promise<unknown> =>
        page.waitForSelector(`[data-step=${step}][data-done=true]`)
      await page.waitForSelector('[data-step=ban][data-done=false] a[href="/change?add=ban"]')
      await page.waitForSelector('[data-step=client][data-done=false] pre')
      await page.waitForSelector('main .alert.plain')
      t.equal(await page.$('main .alert.good'), null, 'nothing is ordered')
      t.strictSame(await findings(page), [], 'axe')
      await askUdp(gateway.dns, 'host.example')
      await done('upstream')
      await done('client')
      gateway.site.write('rules/networks.yaml', BAN)
      await done('ban')
      await page.waitForSelector('main .alert.good')
      await page.waitForSelector('[data-steps="1"] [data-step=block][data-done=false]')
      t.not((await askUdp(gateway.dns, 'www.tiktok.com')).rcode, 'NOERROR')
      await page.waitForFunction('document.querySelector("[data-steps]") === null')
      t.strictSame(faults, [])
    }
  )
}
