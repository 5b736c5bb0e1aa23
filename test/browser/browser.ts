/** `npm run test:browser`: the dashboard of a packed gateway, in Chromium. */
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { PAGES, type PageId } from '../../src/admin/web/pages.js'
import { interdict } from '../cli/run.js'
import { askUdp } from '../daemon/dns-client.js'
import { eventually } from '../daemon/site.js'
import { startChrome } from './chrome.js'
import { editorTests } from './editor.js'
import { encryptedDnsTests } from './encrypted-dns.js'
import { firstStepsTests } from './first-steps.js'
import { startGateway } from './gateway.js'
import { HaltedCommands } from './halted-commands.js'
import { loginTests } from './login.js'
import { signingTests } from './signing.js'
import { findings, logIn, pressInDialog, shows, visit, visitorsOf } from './steps.js'

t.setTimeout(1_200_000)

const gateway = await startGateway(t)
const chrome = await startChrome()
t.teardown(() => chrome.close())
const { open, openAs } = visitorsOf(chrome, gateway)

/** Visitors who mostly wait do so beside each other; none of them needs reports, of which a gateway makes two at a time. */
t.jobs = 3
const besides = (name: string, work: (t: Test) => Promise<void>): void =>
  void t.test(name, { buffered: true }, work)

/** What each page shows when it has loaded. */
const READY: Readonly<Record<PageId, string>> = {
  now: '.bars li',
  why: 'form',
  log: '[data-search=done]',
  explore: '[data-table=groups] tbody tr',
  threats: '[data-findings]',
  bans: '#ban-federal-tiktok',
  bypass: '[data-table=ways]',
  change: '[data-row=ads]',
  reports: '.facts',
  gateways: '[data-gateways="10000"]',
  system: '.facts'
}

t.test(
  'login: a wrong token is refused, a valid one shows the page that was asked for',
  async t => {
    const { page, faults } = await open(t, '/bans?view=calendar')
    await page.waitForSelector('input[name=token]')
    t.strictSame(await findings(page), [], 'axe')
    await page.type('input[name=token]', 'interdict_wrong')
    await page.click('form button')
    await page.waitForSelector('[role=alert]')
    await page.click('input[name=token]', { count: 3 })
    await logIn(page, gateway.token('reader'))
    await page.waitForSelector('.calendar')
    await page.waitForFunction("location.search === '?view=calendar'")
    await page.reload()
    await page.waitForSelector('.calendar')
    t.pass('the token is kept in this tab')
    // Chromium reports the status of the wrong token in its console, at some time.
    t.ok(faults.length < 2 && faults.every(one => one.includes('401')), faults.join())
    const other = await open(t)
    await other.page.waitForSelector('input[name=token]')
    t.pass('and in no other')
  }
)

t.test('the policy forbids inline scripts and other hosts', async t => {
  const { page } = await open(t)
  const response = await page.reload()
  const policy = response!.headers()['content-security-policy']!
  t.match(policy, "script-src 'self'")
  t.notMatch(policy, /unsafe-(inline|eval)/)
  const isBlocked = await page.evaluate(`new Promise(resolve => {
    addEventListener('securitypolicyviolation', ({ violatedDirective }) => resolve(violatedDirective))
    const script = document.createElement('img')
    script.src = 'http://other.example/x.png'
    document.body.append(script)
  })`)
  t.match(isBlocked, /img-src/)
})

/** Headings that are more than a level below the one before. */
const SKIPPED_HEADINGS = `[...document.querySelectorAll('h1, h2, h3, h4')]
  .map(heading => heading.tagName)
  .filter((tag, i, all) => Number(tag[1]) > Number(all[i - 1]?.[1] ?? 0) + 1)`

for (const { id, path } of PAGES) {
  t.test(`page ${id}: shown without an error, for everybody`, async t => {
    const { page, faults } = await openAs(t, 'operator', path)
    await page.waitForSelector(READY[id])
    await page.waitForFunction('document.querySelector(".loading") === null')
    t.strictSame(await findings(page), [], 'axe, light')
    t.strictSame(await page.evaluate(SKIPPED_HEADINGS), [], 'headings skip no level')
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
    t.strictSame(await findings(page, ['color-contrast']), [], 'axe, dark')
    await page.setViewport({ width: 360, height: 740 })
    // Charts take their new size when the page is drawn.
    await page.waitForFunction(
      'innerWidth === 360 && document.documentElement.scrollWidth === document.documentElement.clientWidth'
    )
    t.strictSame(await findings(page), [], 'axe, 360 pixels')
    t.strictSame(faults, [])
  })
}

t.test('the menu works without a mouse, and the title follows', async t => {
  const { page } = await openAs(t, 'reader')
  await page.waitForFunction('document.title.startsWith("Now")')
  await page.focus('nav a[href="/bans"]')
  await page.keyboard.press('Enter')
  await page.waitForFunction('document.title.startsWith("Bans")')
  await page.waitForFunction('document.activeElement.tagName === "H1"')
  await page.goBack()
  await page.waitForFunction('document.title.startsWith("Now")')
})

t.test('languages: all four, remembered', async t => {
  const { page, faults } = await openAs(t, 'reader', '/bans')
  for (const [language, word] of [
    ['fr', 'Interdictions'],
    ['nl', 'Verboden'],
    ['de', 'Verbote']
  ] as const) {
    await page.select('.preferences select', language)
    await page.waitForFunction(`document.documentElement.lang === '${language}'`)
    await shows(page, word)
  }
  await page.reload()
  await page.waitForFunction(`document.documentElement.lang === 'de'`)
  t.strictSame(faults, [])
})

t.test('live tail, a row with everything, and why: one click', async t => {
  const { page, faults } = await openAs(t, 'reader', '/log?live=1')
  await page.waitForSelector('[data-stream=open]')
  await eventually('the lookup is shown', async () => {
    await askUdp(gateway.dns, 'live.tiktok.com')
    return (await page.$('.c-name[title="live.tiktok.com"]')) !== null
  })
  await page.click('.c-name[title="live.tiktok.com"]')
  await page.waitForSelector('dialog[open]')
  t.strictSame(await findings(page), [], 'axe')
  await shows(page, 'federal-tiktok')
  await pressInDialog(page, 'dialog a.main')
  await page.waitForSelector('[data-verdict=blocked]')
  await page.waitForFunction(
    `document.querySelector('main [role=status]')?.textContent.includes('is blocked by')`
  )
  const address = '/why?name=live.tiktok.com&client=127.0.0.1&type=A&at='
  await page.waitForFunction(`location.href.includes('${address}')`)
  await shows(page, 'National Security Council')
  await shows(page, 'Decision of 20 March 2024')
  t.strictSame(faults, [])
})

t.test('search: filters as chips, in the address', async t => {
  const { page, faults } = await openAs(t, 'reader', '/log?verdict=blocked&since=7d')
  await page.waitForSelector('[data-search=done]')
  await page.type('input[placeholder]', 'app:deepseek')
  await page.keyboard.press('Enter')
  await page.waitForFunction(`(() => {
    const names = [...document.querySelectorAll('.c-name[title]')]
    return names.length > 0 && names.every(({ title }) => title === 'chat.deepseek.com')
  })()`)
  await page.waitForFunction('location.search.includes("app=deepseek")')
  await page.waitForFunction('document.querySelectorAll(".chip").length === 2')
  // Only rows that can be seen exist.
  const [rows, all] = [
    (await page.$$('.log .body [role=row]')).length,
    Number(await page.evaluate(`document.querySelector('.log').getAttribute('aria-rowcount')`))
  ]
  t.ok(rows < all && all >= 200, `${rows} of ${all}`)
  await page.evaluate('document.querySelector(".log").scrollTo(0, 1e9)')
  await page.waitForFunction(
    `Number(document.querySelector('.log')?.ariaRowCount ?? document.querySelector('.log')?.getAttribute('aria-rowcount')) > ${all}`
  )
  t.strictSame(faults, [], 'more was read at the end')
})

t.test(
  'the log by keyboard: arrow keys between rows, a dialog that returns the focus, and Tab out',
  async t => {
    const { page, faults } = await openAs(t, 'reader', '/log?since=7d')
    await page.waitForSelector('[data-search=done]')
    const hasFocus = (row: number): Promise<unknown> =>
      page.waitForFunction(
        `document.activeElement.closest('[aria-rowindex]')?.getAttribute('aria-rowindex') === '${row}'`
      )
    await page.focus('.log .body [tabindex="0"]')
    await hasFocus(2)
    // Row 1 is the heading.
    await page.keyboard.press('ArrowDown')
    await hasFocus(3)
    await page.keyboard.press('ArrowUp')
    await hasFocus(2)
    // At the end more rows load.
    await page.keyboard.press('End')
    await hasFocus(201)
    await page.waitForFunction(
      `document.querySelector('.log')?.getAttribute('aria-rowcount') > 201`
    )
    await page.keyboard.press('Home')
    await hasFocus(2)
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog[open]')
    await page.keyboard.press('Escape')
    await page.waitForFunction('document.querySelector("dialog") === null')
    await hasFocus(2)
    await page.keyboard.press('Tab')
    await page.waitForFunction('document.activeElement.closest(".log") === null')
    t.strictSame(faults, [])
  }
)

/** Clicks from the first page, and what has the answer: docs/guides/dashboard.md says the same in words. */
const QUESTIONS: Readonly<Record<string, { clicks: readonly string[]; answer: string }>> = {
  'What ends this month?': {
    clicks: [],
    answer: '[data-table=dates] a[href="/bans?id=federal-tiktok"]'
  },
  'Which dates are ahead?': { clicks: ['.tile[href*=calendar]'], answer: '.calendar .event' },
  'Why is this name blocked for this phone?': {
    clicks: ['.bars a[href*="app=tiktok"]', '.log .body .c-time button', 'dialog a.main'],
    answer: '[data-verdict=blocked]'
  },
  'Who bypasses?': {
    clicks: ['nav a[href="/bypass"]'],
    answer: '[data-table=clients] a[href*="client="]'
  },
  'What would this change do?': {
    clicks: ['nav a[href="/change"]', 'input[data-input=files]'],
    answer: '[data-candidate=valid] [data-table=diff] tbody tr'
  },
  'Which network lacks a ban?': {
    clicks: ['nav a[href="/bans"]'],
    answer: '#ban-federal-tiktok [data-lacking=phones]'
  },
  'Is anything wrong now?': { clicks: [], answer: 'main .alert h2' },
  'How much was blocked yesterday, and by whom?': {
    clicks: ['nav a[href="/reports"]'],
    answer: '[data-table=networks] tbody tr'
  },
  'Exception for a device until Friday': {
    clicks: [
      '.bars a[href*="app=tiktok"]',
      '.log .body .c-time button',
      'dialog a[href*="add=exception"]'
    ],
    answer: '#add input[name=until]'
  },
  'Did the ban work?': {
    clicks: ['nav a[href="/bans"]', '#ban-deepseek-ban a[href*="view=effect"]'],
    answer: '[data-effect=shown]'
  },
  'Which device is infected?': {
    clicks: ['nav a[href="/threats"]'],
    answer: '[data-devices] a[href*="client="]'
  },
  'Which list blocked wrongly?': {
    clicks: [
      'nav a[href="/threats"]',
      '[data-table=lists] [data-row=ads] th a',
      '[data-table=names] button'
    ],
    answer: '#add input[name=comment]'
  },
  'What is not enforced now?': { clicks: [], answer: '[data-table=by-order] tbody tr' },
  'Who changed what since Monday?': {
    clicks: ['nav a[href="/system"]'],
    answer: '[data-table=audit] tbody tr'
  },
  'What did the ban achieve in its first week?': {
    clicks: ['nav a[href="/bans"]', '#ban-deepseek-ban a[href^="/reports"]'],
    answer: '[data-table=day] tbody tr, [data-table=days] tbody tr'
  }
}

t.test('questions: each is answered in at most three clicks', async t => {
  const { page, faults } = await openAs(t, 'reader')
  // The newest lookup of the app is one that is blocked.
  await askUdp(gateway.dns, 'www.tiktok.com')
  // A change for the audit trail.
  const authorization = `Bearer ${gateway.token('operator')}`
  await fetch(`${gateway.url}/api/v1/cache/flush`, { method: 'POST', headers: { authorization } })
  gateway.site.write(
    'answer/networks.yaml',
    gateway.site.read('rules/networks.yaml').replace('apps: [telegram]', 'apps: [whatsapp]')
  )
  await page.evaluate('globalThis.clicks = 0; addEventListener("click", () => clicks++, true)')
  for (const [question, { clicks, answer }] of Object.entries(QUESTIONS)) {
    await page.evaluate('document.querySelector(".brand").click()')
    await page.waitForSelector('.tiles')
    await page.evaluate('globalThis.clicks = 0')
    for (const selector of clicks) {
      const found = await page.waitForSelector(selector)
      // Not at a place: charts that are drawn meanwhile move what is below them.
      if (!selector.startsWith('input'))
        await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`)
      else {
        const [chooser] = await Promise.all([page.waitForFileChooser(), found!.click()])
        await chooser.accept([gateway.site.path('answer/networks.yaml')])
      }
    }
    await page.waitForSelector(answer)
    t.equal(await page.evaluate('clicks'), clicks.length, question)
    t.ok(clicks.length <= 3)
  }
  t.strictSame(faults, [])
})

t.test('a chosen span, and a paused tail, have fixed times in the address', async t => {
  const { page, faults } = await openAs(t, 'reader', '/log')
  await page.waitForSelector('[data-search=done]')
  // The last choice of the form is the period.
  await page.evaluate(`(() => {
    const period = [...document.querySelectorAll('main form select')].at(-1)
    period.value = '24h'
    period.dispatchEvent(new Event('change', { bubbles: true }))
  })()`)
  await page.waitForFunction('location.search.includes("until=")')
  const of = (): string[] =>
    ['since', 'until'].map(name => new URL(page.url()).searchParams.get(name) ?? '')
  const [since, until] = of().map(at => Date.parse(at))
  t.equal(until! - since!, 86_400_000)
  await page.goto(`${gateway.url}/log?live=1`)
  await page.waitForSelector('[data-stream=open]')
  await (await page.waitForSelector('::-p-text(Pause)'))!.click()
  await page.waitForFunction('location.search.includes("until=")')
  t.ok(of().every(at => !Number.isNaN(Date.parse(at))))
  await (await page.waitForSelector('::-p-text(Resume)'))!.click()
  await page.waitForFunction('location.search === "?live=1"')
  t.strictSame(faults, [])
})

t.test('threats: a chosen period has fixed times in the address, and links keep them', async t => {
  const { page, faults } = await openAs(t, 'reader', '/threats')
  await page.waitForSelector('[data-table=lists] tbody tr')
  await page.select('main .title select', '30d')
  await page.waitForFunction('location.search.includes("until=")')
  const { search, searchParams } = new URL(page.url())
  const [since, until] = ['since', 'until'].map(name => Date.parse(searchParams.get(name)!))
  t.equal(until! - since!, 30 * 86_400_000)
  await page.waitForSelector(`[data-table=lists] [data-row=ads] th a[href^="/threats${search}"]`)
  t.strictSame(faults, [])
})

t.test('from a row of the log and from Why to the pages of the client and the name', async t => {
  const { page, faults } = await openAs(t, 'reader', '/log?name=%3Dwww.tiktok.com&since=7d')
  await (await page.waitForSelector('.log .body .c-time button'))!.click()
  await page.waitForSelector('dialog[open] a[href^="/explore?client="]')
  await pressInDialog(page, 'dialog a[href^="/explore?name="]')
  await page.waitForFunction('document.querySelector("h1")?.textContent === "www.tiktok.com"')
  await page.goto(`${gateway.url}/why?name=www.tiktok.com&client=127.0.0.1&type=A`)
  await page.waitForSelector('main a[href="/explore?client=127.0.0.1"]')
  await page.waitForSelector('main a[href="/explore?name=%3Dwww.tiktok.com"]')
  await page.goto(`${gateway.url}/bans`)
  await page.waitForSelector(
    '#ban-federal-tiktok a[href^="/explore?ban=federal-tiktok&since="][href*="until="]'
  )
  t.strictSame(faults, [])
})

t.test('what did this client do at that time: two clicks, and its address typed', async t => {
  const { page, faults } = await openAs(t, 'reader')
  await (await page.waitForSelector('nav a[href="/explore"]'))!.click()
  await page.waitForSelector('[data-table=groups] tbody tr')
  await page.type('main form input', '10.20.4.7')
  await page.keyboard.press('Enter')
  await page.waitForFunction('document.querySelector("h1")?.textContent === "10.20.4.7"')
  await (await page.waitForSelector('ul[data-hours] a'))!.click()
  await page.waitForSelector('.log .body .c-time button')
  const { searchParams } = new URL(page.url())
  t.equal(searchParams.get('client'), '10.20.4.7')
  const [since, until] = ['since', 'until'].map(name => Date.parse(searchParams.get(name)!))
  t.equal(until! - since!, 3_600_000, 'an hour, in absolute times')
  t.strictSame(faults, [])
})

t.test('explore: drag over the chart, group, one name, hours, the effect of a ban', async t => {
  const { page, faults } = await openAs(t, 'reader', '/explore?since=7d')
  await page.waitForSelector('[data-table=groups] tbody tr')
  const chart = (await page.waitForSelector('.brush .u-over'))!
  await chart.scrollIntoView()
  const { x, y, width } = (await chart.boundingBox())!
  await page.mouse.move(x + width * 0.2, y + 40)
  await page.mouse.down()
  await page.mouse.move(x + width * 0.6, y + 40, { steps: 5 })
  await page.mouse.up()
  await page.waitForFunction('location.search.includes("until=")')
  const period = new URL(page.url()).searchParams
  const days = (Date.parse(period.get('until')!) - Date.parse(period.get('since')!)) / 86_400_000
  t.ok(days > 2.3 && days < 3.3, `${days} of 7 days`)
  await page.waitForSelector('[data-table=groups] tbody tr')
  await page.evaluate(`[...document.querySelectorAll('.card .tabs button')]
    .find(one => one.textContent === 'Name').click()`)
  await (await page.waitForSelector('[data-row="www.tiktok.com"] th a'))!.click()
  await page.waitForSelector('ul[data-hours] a')
  await page.waitForFunction('document.querySelector("h1")?.textContent === "www.tiktok.com"')
  // The menu, which stays at the top, covers what was scrolled below it.
  await page.evaluate('scrollTo(0, 0)')
  t.strictSame(await findings(page), [], 'axe, a name')
  await page.goto(`${gateway.url}/explore?view=hours`)
  await page.waitForSelector('p[data-hours=unknown]')
  t.strictSame(await findings(page), [], 'axe, hours: a week of log is too little')
  await page.goto(`${gateway.url}/explore?view=effect&ban=deepseek-ban`)
  await page.waitForSelector('[data-effect=shown]')
  t.strictSame(await findings(page), [], 'axe, a ban')
  t.strictSame(faults, [])
})

t.test('threats: allow a name by form, with reason and end; mute a finding', async t => {
  const { page, faults } = await openAs(t, 'operator', '/threats?list=ads')
  await (await page.waitForSelector('[data-table=names] button'))!.click()
  await page.waitForSelector('#add input[name=comment]')
  await page.waitForFunction(
    `document.querySelector('#add input[name=comment]')?.value === 'False positive of the list ads'`
  )
  const until = await page.evaluate(`document.querySelector('#add input[name=until]').value`)
  t.ok(Date.parse(String(until)) > Date.now(), `it ends on ${String(until)}`)
  t.equal(new URL(page.url()).searchParams.get('network'), 'ministry')
  t.strictSame(await findings(page), [], 'axe, the form')
  await page.goto(`${gateway.url}/threats`)
  await page.waitForSelector('[data-findings="1"]')
  await (await page.waitForSelector('[data-findings] button'))!.click()
  await page.waitForSelector('dialog[open] input[name=reason]')
  await page.type('dialog input[name=reason]', 'our own test')
  t.strictSame(await findings(page), [], 'axe, muting')
  await pressInDialog(page, 'dialog button.main')
  await page.waitForSelector('[data-findings="0"]')
  await shows(page, 'our own test')
  t.strictSame(faults, [])
})

t.test(
  'upload a candidate, see its errors, then its difference and impact; download it',
  async t => {
    const { page, faults } = await openAs(t, 'reader', '/change')
    const input = (await page.waitForSelector('input[data-input=files]'))!
    const rules = gateway.site.read('rules/networks.yaml')
    gateway.site.write(
      'upload/networks.yaml',
      rules.replace('apps: [tiktok, bytedance-shared]', 'apps: [nothing-like-it]')
    )
    const upload = gateway.site.path('upload/networks.yaml')
    await input.uploadFile(upload)
    await page.waitForSelector('[data-candidate=invalid]')
    await shows(page, 'nothing-like-it')
    gateway.site.write(
      'upload/networks.yaml',
      rules.replace('apps: [deepseek]', 'apps: [deepseek, temu]')
    )
    await page.goto(`${gateway.url}/change`)
    const again = (await page.waitForSelector('input[data-input=files]'))!
    await again.uploadFile(upload)
    await page.waitForSelector('[data-candidate=valid] [data-table=diff]')
    await shows(page, 'deepseek-ban')
    await page.waitForSelector('[data-impact=done]')
    await shows(page, 'temu.com')
    t.strictSame(await findings(page), [], 'axe')
    const session = await page.createCDPSession()
    await session.send('Browser.setDownloadBehavior', {
      ...{ behavior: 'allow', downloadPath: gateway.site.path('upload') },
      browserContextId: page.browserContext().id!
    })
    const button = await page.waitForSelector('::-p-text(Download as a bundle)')
    await button!.click()
    await eventually('the bundle is there', () => gateway.site.has('upload/rules.bundle'))
    t.strictSame(faults, [])
  }
)

t.test('an exception by form becomes a draft; edits survive leaving the page', async t => {
  const link = '/change?add=exception&network=ministry&client=10.10.1.7&app=tiktok'
  const { page, faults } = await openAs(t, 'operator', link)
  const isLoaded = `document.querySelector('#add select[name=network]')?.value === 'ministry'`
  await page.waitForFunction(isLoaded)
  const valueOf = (name: string): Promise<unknown> =>
    page.$eval(`#add [name=${name}]`, field => (field as unknown as { value: string }).value)
  t.equal(await valueOf('client'), '10.10.1.7')
  t.equal(await valueOf('network'), 'ministry')
  t.match(await valueOf('until'), /^\d{4}-\d\d-\d\d$/)
  await page.type('#add input[name=purpose]', 'press conference')
  await page.click('[data-button=preview]')
  await page.waitForSelector('#add [data-candidate=valid] [data-table=diff]')
  await shows(page, '10.10.1.7/32')
  t.strictSame(await findings(page), [], 'the preview')
  await page.click('nav a[href="/bans"]')
  await page.waitForSelector('#ban-federal-tiktok')
  await page.click('nav a[href="/change"]')
  await page.waitForSelector('#add input[name=purpose]')
  t.equal(await valueOf('purpose'), 'press conference')
  await page.waitForFunction(isLoaded)
  await page.click('[data-button=preview]')
  await (await page.waitForSelector('[data-button=draft]'))!.click()
  await page.waitForSelector('[data-table=drafts-table] tbody button')
  await shows(page, 'interdict apply draft-')
  await page.click('[data-table=drafts-table] tbody button')
  await page.waitForSelector('[data-draft] .diff .added')
  t.strictSame(await findings(page), [], 'the draft')
  await (await page.waitForSelector('[data-draft] ::-p-text(Discard)'))!.click()
  await shows(page, 'There are no drafts')
  t.strictSame(faults, [])
})

t.test('pause a block, and end the pause; never a ban, and not without the scope', async t => {
  const reader = await openAs(t, 'reader', '/change')
  await reader.page.waitForSelector('[data-row=ads]')
  t.equal(await reader.page.$('[data-row=ads] button'), null)
  t.equal(await reader.page.$('[data-row=federal-tiktok]'), null)
  const { page, faults } = await openAs(t, 'operator', '/change')
  await (await page.waitForSelector('[data-row=ads] button'))!.click()
  await page.waitForSelector('dialog[open] [data-pause=start][disabled]')
  t.strictSame(await findings(page), [], 'the dialog')
  await page.type('dialog input[name=reason]', 'payments page broken')
  await pressInDialog(page, 'dialog [data-pause=start]')
  await page.waitForSelector('[data-row=ads] .badge.warn')
  await page.waitForSelector('[data-paused="1"]')
  await shows(page, 'operator: payments page broken')
  t.strictSame(await findings(page), [], 'the banner')
  await eventually('not blocked', async () => {
    return (await askUdp(gateway.dns, 'px.ads.example')).rcode !== 'NXDOMAIN'
  })
  await page.click('nav a[href="/"]')
  await page.waitForSelector('.tiles')
  await page.waitForSelector('[data-paused="1"]')
  t.equal(await page.$('main .alert.good'), null, 'nothing is green meanwhile')
  await reader.page.click('nav a[href="/bans"]')
  await reader.page.waitForSelector('[data-paused="1"]')
  t.equal(await reader.page.$('[data-paused] button'), null)
  await page.click('[data-paused] button')
  await page.waitForFunction('document.querySelector("[data-paused]") === null')
  await eventually('blocked again', async () => {
    return (await askUdp(gateway.dns, 'px.ads.example')).rcode === 'NXDOMAIN'
  })
  await page.click('nav a[href="/system"]')
  await page.waitForSelector('[data-table=audit]')
  await shows(page, 'Block paused')
  await shows(page, 'operator')
  t.strictSame(faults, [])
})

t.test('what would fail if DNSSEC were enforced, with whom to call, in all languages', async t => {
  const { page, faults } = await openAs(t, 'reader', '/system')
  await page.waitForSelector('[data-table=dnssec-domains]')
  await shows(page, 'broken.example')
  await shows(page, 'hostmaster@broken.example')
  const link = 'a[href^="/reports?kind=dnssec"]'
  for (const [language, title] of [
    ['fr', 'DNSSEC : ce qui échouerait'],
    ['nl', 'DNSSEC: wat zou mislukken'],
    ['de', 'DNSSEC: was scheitern würde'],
    ['en', 'DNSSEC: what would fail']
  ] as const) {
    await page.select('.preferences select', language)
    await page.waitForFunction(`document.documentElement.lang === '${language}'`)
    await shows(page, title)
    await page.waitForSelector(link)
  }
  await page.click(link)
  await page.waitForSelector('[data-table=domains]')
  await shows(page, 'gov.example')
  t.strictSame(faults, [])
})

t.test('a report that takes long shows its progress, and can be cancelled', async t => {
  // Other tests need commands meanwhile.
  const own = await startGateway(t)
  const halted = new HaltedCommands(own.server.child.pid!)
  t.teardown(() => halted.release())
  const path = '/reports?kind=overview&by=exception&since=30d'
  const { page, faults } = await visitorsOf(chrome, own).openAs(t, 'reader', path)
  await page.waitForSelector('[data-job=running] progress')
  await shows(page, 'report: running for')
  t.strictSame(await findings(page), [])
  await page.click('[data-job] button')
  await page.waitForFunction('document.querySelector("[data-job]") === null')
  await shows(page, 'Cancelled')
  t.strictSame(faults, [])
})

t.test('stored reports: a list, and one as it was stored, with its own style', async t => {
  const { page, faults } = await openAs(t, 'reader', '/reports?stored=')
  await shows(page, 'There are none.')
  const made = await interdict(
    'reports',
    'send',
    'daily',
    '-c',
    gateway.site.path('interdict.yaml')
  )
  t.equal(made.code, 0, made.err)
  await page.reload()
  const link = await page.waitForSelector('[data-table=stored] tbody a')
  await link!.click()
  await page.waitForFunction(
    'document.querySelector("[data-stored]")?.shadowRoot?.querySelector(".tiles") instanceof Element'
  )
  const shown = (await page.evaluate(`(() => {
    const { shadowRoot } = document.querySelector('[data-stored]')
    const style = getComputedStyle(shadowRoot.querySelector('.tiles'))
    return [shadowRoot.textContent, style.display, shadowRoot.querySelectorAll('script').length]
  })()`)) as [string, string, number]
  t.match(shown[0], /Generated/)
  t.strictSame(shown.slice(1), ['grid', 0])
  t.strictSame(await findings(page), [], 'axe')
  t.ok((await page.pdf()).length > 10_000, 'printed')
  t.strictSame(faults, [])
  await page.goto(`${gateway.url}/reports?stored=none.html`)
  await page.waitForSelector('[role=alert]')
  t.strictSame(
    faults.filter(one => !one.includes('404')),
    []
  )
})

t.test('who bypassed the ban of TikTok this week: pages with device, user and proof', async t => {
  const settings = ['--since', '7d', '-c', gateway.site.path('interdict.yaml')]
  const bypassed = ['phone-1.gov.example', 'user1']
  for (const [words, parts] of [
    [
      ['egress', '--ban', 'federal-tiktok'],
      ['Who bypassed federal-tiktok by address', ...bypassed, '203.0.113.9']
    ],
    [['bypass'], ['Bypass attempts']]
  ] as const) {
    const file = gateway.site.path(`${words[0]}.html`)
    const made = await interdict('report', ...words, ...settings, '-o', file)
    t.equal(made.code, 0, made.err)
    const { page, faults } = await visit(t, chrome, pathToFileURL(file).href)
    const text = (await page.evaluate('document.body.innerText')) as string
    for (const part of parts) t.ok(text.includes(part), part)
    if (words[0] === 'egress')
      t.match(text, /Query log\s+not verified: log\.queries\.chain is not set/, 'not proven')
    for (const width of [420, 1280]) {
      await page.setViewport({ width, height: 900 })
      const isTooWide = 'document.documentElement.scrollWidth > innerWidth'
      t.notOk(await page.evaluate(isTooWide), `${words[0]} at ${width}`)
    }
    t.strictSame(await findings(page), [], 'axe')
    t.ok((await page.pdf()).length > 10_000, 'printed')
    t.strictSame(faults, [])
  }
})

/** Cells of the first row that begin a line which the layout of the page does not have. */
const WRAPPED = `(() => {
  const row = document.querySelector('.gateways .body [role=row]')
  const cells = [...row.children].filter(one => one.offsetParent !== null)
  const lines = innerWidth <= 768 ? 2 : 1
  const columns = getComputedStyle(row).gridTemplateColumns.split(' ').length
  return cells.slice(lines * columns).map(one => one.className)
})()`

t.test('a fleet of 10,000: problems first, a filter, who does not enforce a ban', async t => {
  const { page, faults } = await openAs(t, 'reader', '/gateways')
  await page.waitForSelector('[data-gateways="10000"]')
  const names = (): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll('.body .c-name')].map(one => one.textContent)`)
  await page.waitForSelector('.c-name[title=site-00000]')
  t.strictSame(((await names()) as string[]).slice(0, 4), [
    ...['site-04321', 'site-00077', 'site-09000', 'site-00000']
  ])
  const states = await page.evaluate(
    `[...document.querySelectorAll('.body .c-state')].slice(0, 4).map(one => one.textContent)`
  )
  t.strictSame(states, ['Refuses', 'Behind', 'Not ready', 'Up to date'])
  for (const width of [420, 1000, 1280, 1920]) {
    await page.setViewport({ width, height: 900 })
    await page.waitForFunction(`innerWidth === ${width}`)
    t.strictSame(await page.evaluate(WRAPPED), [], `${width} pixels: each cell has its column`)
  }
  await page.setViewport({ width: 1280, height: 900 })
  await page.evaluate('document.querySelector(".gateways").scrollTo(0, 1e9)')
  await page.waitForSelector('.c-name[title=site-09999]')
  t.ok((await page.$$('.gateways .body [role=row]')).length < 100, 'only rows that can be seen')
  t.equal(await page.$('[data-table=rings] button'), null, 'nothing to press without the scope')
  await page.type('[data-input=filter]', 'behind all')
  await page.waitForSelector('[data-gateways="1"]')
  await page.select('select[name=ban]', 'federal-tiktok')
  await page.waitForSelector('[data-without="2"]')
  await page.waitForSelector('[data-gateways="2"]')
  await (await page.waitForSelector('.c-name[title=site-04321] button'))!.click()
  await page.waitForSelector('dialog[open]')
  await shows(page, 'one signature of two')
  t.strictSame(await findings(page), [], 'axe')
  t.strictSame(faults, [])
})

t.test('halt a ring, with a reason; promote one', async t => {
  const { page, faults } = await openAs(t, 'operator', '/gateways')
  const press = async (selector: string): Promise<void> => {
    await (await page.waitForSelector(selector))!.click()
  }
  await press('[data-row=canary] ::-p-text(Halt)')
  await page.waitForSelector('dialog[open] input')
  t.strictSame(await findings(page), [], 'axe')
  await page.type('dialog input', 'complaints')
  await press('dialog form button')
  await page.waitForFunction('document.querySelector("dialog") === null')
  await press('[data-row=all] ::-p-text(Promote)')
  await press('dialog form button')
  await page.waitForFunction('document.querySelector("dialog") === null')
  t.strictSame(
    gateway.hub.requests.filter(one => one.startsWith('POST')),
    [
      'POST /v1/rings/canary/halt?by=operator&reason=complaints',
      'POST /v1/rings/all/promote?by=operator'
    ]
  )
  t.strictSame(faults, [])
})

t.test('503: what is not known is neither good nor nothing', async t => {
  const { page } = await openAs(t, 'reader', '/system')
  await page.setRequestInterception(true)
  page.on('request', request => {
    const isState = /\/api\/v1\/(?!me$|process$)/.test(request.url())
    const body = JSON.stringify({ code: 'API_COMMAND', detail: 'cannot read the log', status: 503 })
    const contentType = 'application/problem+json'
    void (isState ? request.respond({ status: 503, contentType, body }) : request.continue())
  })
  await page.goto(gateway.url)
  await page.waitForFunction('document.querySelectorAll("main .alert.bad").length >= 5')
  t.equal(await page.$('main .alert.good'), null)
  const notes = await page.evaluate(
    `[...document.querySelectorAll('.tile .note')].map(one => one.textContent)`
  )
  t.strictSame(notes, ['last minute', '', 'last hour', 'median; 99%: –', '', '', ''])
})

t.test('403: a token without the scope to read sees why, and nothing else', async t => {
  const { page } = await openAs(t, 'blind')
  await shows(page, 'scope “read”')
  t.equal(await page.$('.tiles'), null)
})

besides('a token that is revoked: log in again, on the same page', async t => {
  const { page } = await openAs(t, 'leaving', '/system')
  await page.waitForSelector('main .card')
  gateway.keepTokens(['reader', 'operator', 'blind'])
  await eventually('the token is not valid any more', async () => {
    const headers = { authorization: `Bearer ${gateway.token('leaving')}` }
    return (await fetch(`${gateway.url}/api/v1/me`, { headers })).status === 401
  })
  await page.waitForSelector('input[name=token]')
  await shows(page, 'session has ended')
  await logIn(page, gateway.token('operator'))
  await page.waitForSelector('main .card')
  t.equal(new URL(page.url()).pathname, '/system')
})

besides('a gateway that is gone: the page says so, and goes on when it is back', async t => {
  const { page } = await openAs(t, 'operator', '/system')
  // Each is there when its own request has been answered.
  await page.waitForFunction('document.querySelectorAll("main .card").length > 2')
  await page.setOfflineMode(true)
  await page.waitForSelector('.offline')
  t.ok((await page.$$('main .card')).length > 2, 'what was known is still shown')
  t.strictSame(await findings(page), [], 'axe')
  await page.setOfflineMode(false)
  await page.waitForFunction('document.querySelector(".offline") === null')
})

editorTests(chrome, gateway)
signingTests(besides, chrome)
loginTests(besides, chrome, gateway)
firstStepsTests(besides, chrome)
encryptedDnsTests(besides)
